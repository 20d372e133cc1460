"""What the storefront's pages show, worked out before a template sees it."""
