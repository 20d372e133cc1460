// Says on the page what the browser would only say in its console.
document.addEventListener("allauth.error", (event) => {
  const place = document.getElementById("passkey_failed");
  if (!place) return;
  event.preventDefault();
  const turnedBack = event.detail.exception.name === "NotAllowedError";
  place.textContent = turnedBack
    ? "The browser gave no key: you turned back, it took too long, or there is none for this site on this device."
    : "That did not work on this device. Use another way.";
});
