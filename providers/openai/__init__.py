"""OpenAI, and services that speak its protocol under another base URL."""
