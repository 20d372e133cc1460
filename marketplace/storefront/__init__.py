"""The storefront's pages, with everything computed before a template sees it."""
