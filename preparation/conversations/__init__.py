"""Who says what to whom: chats, mails and talks put together, roles given, foreign words taken away."""
