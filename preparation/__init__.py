"""Files -> examples, without Prefect. The steps are `ingest`, `clean` and `structure`.

readers/        one format a file: bytes -> rows
conversations/  chats and mails: who speaks, and what belongs together
documents/      texts: blocks, passages, and questions that a passage answers
tables/         records: what columns hold and are for
redaction/      secrets and personal data
teacher/        a language model that writes pairs out of clean rows, before `structure`, if one is asked

Beside the steps lies what they share: files of rows (`rowfile`, `spool`), the processes that read files and
work on rows (`workers`, `serving`, `parsing`, `mapping`), and the works that are done on rows there
(`mending` and `quieting` for `clean`, `drafting` for `structure`).
"""
