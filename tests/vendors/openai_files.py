"""Files and uploads of the loopback OpenAI, and the shape of its answers."""

import time
from email import message_from_bytes
from typing import Any

from tests.vendors.loopback import Loopback, Reply, Request, Route

HIDDEN = ("content", "unread", "pairs", "life", "script", "parts", "unseen", "words", "suffix")


def refused(status: int, message: str, code: str | None = None, param: str | None = None) -> Reply:
    kind = "invalid_request_error" if status < 500 else "server_error"
    return Reply({"error": {"message": message, "type": kind, "param": param, "code": code}}, status)


class OpenAIFiles(Loopback):
    def __init__(self, port: int = 0):
        super().__init__(port)
        self.files: dict[str, dict[str, Any]] = {}
        self.uploads: dict[str, dict[str, Any]] = {}
        self.made = 0
        self.reads_for = 0  # so many looks at a new file show it `pending`, as at Azure
        self.file_routes: list[Route] = [
            ("POST", "/v1/files", self.create_file),
            ("GET", "/v1/files", self.list_files),
            ("GET", "/v1/files/([^/]+)/content", self.file_content),
            ("GET", "/v1/files/([^/]+)", self.get_file),
            ("DELETE", "/v1/files/([^/]+)", self.delete_file),
            ("POST", "/v1/uploads", self.create_upload),
            ("POST", "/v1/uploads/([^/]+)/parts", self.add_part),
            ("POST", "/v1/uploads/([^/]+)/complete", self.complete_upload),
        ]

    def new_id(self, kind: str) -> str:
        self.made += 1
        return f"{kind}-{self.made:08d}"

    def store(self, name: str, content: bytes, purpose: str) -> dict[str, Any]:
        file = {
            "id": self.new_id("file"),
            "object": "file",
            "bytes": len(content),
            "created_at": int(time.time()),
            "filename": name,
            "purpose": purpose,
            "status": "pending" if self.reads_for else "processed",
            "content": content,
            "unread": self.reads_for,
        }
        self.files[file["id"]] = file
        return file

    def create_file(self, request: Request) -> Reply:
        form = form_of(request) or {}
        name, content = form["file"]
        if form["purpose"] == "fine-tune" and not name.endswith(".jsonl"):
            return refused(400, "Invalid file format. Fine-tuning takes .jsonl.", param="file")
        return Reply(shown(self.store(name, content, form["purpose"])))

    def list_files(self, request: Request) -> Reply:
        wanted = request.asked("purpose")
        files = [file for file in self.files.values() if wanted in ("", file["purpose"])]
        files = files[::-1] if request.asked("order", "desc") == "desc" else files
        return page_of(request, files, 10_000)

    def get_file(self, request: Request, id: str) -> Reply:
        if id not in self.files:
            return refused(404, f"No such File: {id}")
        file = self.files[id]
        if file["unread"]:
            file["unread"] -= 1
        elif file["status"] == "pending":
            file["status"] = "processed"
        return Reply(shown(file))

    def file_content(self, request: Request, id: str) -> Reply:
        if id not in self.files:
            return refused(404, f"No such File: {id}")
        return Reply(self.files[id]["content"], headers={"Content-Type": "application/octet-stream"})

    def delete_file(self, request: Request, id: str) -> Reply:
        if self.files.pop(id, None) is None:
            return refused(404, f"No such File: {id}")
        return Reply({"id": id, "object": "file", "deleted": True})

    def create_upload(self, request: Request) -> Reply:
        asked = request.json
        upload = {
            "id": self.new_id("upload"),
            "object": "upload",
            "bytes": asked["bytes"],
            "created_at": int(time.time()),
            "filename": asked["filename"],
            "purpose": asked["purpose"],
            "status": "pending",
            "expires_at": int(time.time()) + 3600,
            "parts": {},
        }
        self.uploads[upload["id"]] = upload
        return Reply(shown(upload))

    def add_part(self, request: Request, id: str) -> Reply:
        upload = self.uploads.get(id)
        if upload is None or upload["status"] != "pending":
            return refused(404, f"No such Upload: {id}")
        part = self.new_id("part")
        upload["parts"][part] = (form_of(request) or {})["data"][1]
        return Reply({"id": part, "object": "upload.part", "created_at": int(time.time()), "upload_id": id})

    def complete_upload(self, request: Request, id: str) -> Reply:
        upload = self.uploads.get(id)
        if upload is None or upload["status"] != "pending":
            return refused(404, f"No such Upload: {id}")
        if lost := set(request.json["part_ids"]) - upload["parts"].keys():
            return refused(400, f"Part {min(lost)} is missing.")
        content = b"".join(upload["parts"][part] for part in request.json["part_ids"])
        if len(content) != upload["bytes"]:
            return refused(400, f"Expected {upload['bytes']} bytes, got {len(content)}.")
        upload["status"] = "completed"
        file = self.store(upload["filename"], content, upload["purpose"])
        return Reply({**shown(upload), "file": shown(file)})


def shown(record: dict[str, Any]) -> dict[str, Any]:
    """Without what the API does not show."""
    return {key: value for key, value in record.items() if key not in HIDDEN}


def page_of(request: Request, items: list[dict[str, Any]], usual: int) -> Reply:
    after, limit = request.asked("after"), int(request.asked("limit") or usual)
    start = next((number + 1 for number, item in enumerate(items) if item["id"] == after), 0)
    page = [shown(item) for item in items[start : start + limit]]
    ids = {"first_id": page[0]["id"] if page else "", "last_id": page[-1]["id"] if page else ""}
    return Reply({"object": "list", "data": page, "has_more": start + limit < len(items), **ids})


def form_of(request: Request) -> dict[str, Any] | None:
    """The fields of a multipart body; a file is its name and bytes."""
    kind = request.headers.get("content-type", "")
    if not kind.startswith("multipart/form-data"):
        return None
    parsed = message_from_bytes(f"Content-Type: {kind}\r\n\r\n".encode() + request.body)
    form: dict[str, Any] = {}
    for part in parsed.get_payload():
        name = part.get_param("name", header="content-disposition")
        content = part.get_payload(decode=True)
        form[name] = (part.get_filename(), content) if part.get_filename() else content.decode()
    return form
