"""The server: /v1 for programs (v1/), pages for people (pages/); the runner carries out what they ask for."""
