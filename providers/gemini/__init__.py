"""Google Gemini, tuned in the customer's own Google Cloud project."""
