"""The own-hardware vendor: `provider` starts a process (`__main__`), and that runs one job (`run`).

training/  rows -> adapter: batches, kernels, the loop, its checkpoints
answers/   what a model says: to the held-out questions, to the golden prompts, to whoever chats with it
export/    the adapter as it is published, and in the forms that other servers take

Beside them lies what these share: the job's folder and progress, the base models and their templates, the
machine, the options. Nothing here but the provider is imported before a job is (see `checks` and `jobs`).
"""
