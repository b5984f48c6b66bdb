BEGIN TRANSACTION;
CREATE TABLE accounts (
	id VARCHAR(64) NOT NULL, 
	name VARCHAR(200) NOT NULL, 
	email VARCHAR(320), 
	"plan" VARCHAR(64) NOT NULL, 
	owner BOOLEAN NOT NULL, 
	disabled BOOLEAN NOT NULL, 
	password TEXT, 
	subject TEXT, 
	epoch INTEGER NOT NULL, 
	created_at DATETIME NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (name), 
	UNIQUE (email), 
	UNIQUE (subject)
);
INSERT INTO "accounts" VALUES('owner','owner',NULL,'owner',1,0,NULL,NULL,0,'2026-11-25 04:32:08.205997');
INSERT INTO "accounts" VALUES('acct-aa276573cc724758','Robin','robin@example.org','free',0,0,'$argon2id$v=19$m=65536,t=3,p=4$8AXubT2vMHnhLtUCX/u5fg$dzlBp+jQ56MrULwEkYGrPCK4TEOC+NoANAJQ5dU2APc',NULL,0,'2026-11-25 04:32:09.471172');
CREATE TABLE api_keys (
	id VARCHAR(64) NOT NULL, 
	account VARCHAR(64) NOT NULL, 
	name VARCHAR(200) NOT NULL, 
	prefix VARCHAR(32) NOT NULL, 
	digest VARCHAR(64) NOT NULL, 
	created_at DATETIME NOT NULL, 
	expires_at DATETIME, 
	last_used_at DATETIME, 
	revoked_at DATETIME, 
	PRIMARY KEY (id), 
	FOREIGN KEY(account) REFERENCES accounts (id) ON DELETE CASCADE, 
	UNIQUE (digest)
);
INSERT INTO "api_keys" VALUES('key-bc3f99ebe8174993','owner','notebook','sk-luthier-wtYMow','dac14e1ed49e30c76a758c5a3222f42d5148cb14526382a54af01929f12bd893','2026-11-25 04:32:09.481603',NULL,NULL,NULL);
INSERT INTO "api_keys" VALUES('key-8bcdc79ed76c425e','acct-aa276573cc724758','script','sk-luthier-5-3lrk','4717e2de1f9de26422cae239d958d7b0e5a2de9b287291332e9aa25c1e9e131f','2026-11-25 04:32:09.486776',NULL,NULL,NULL);
CREATE TABLE audit (
	id INTEGER NOT NULL, 
	at DATETIME NOT NULL, 
	account VARCHAR(64) NOT NULL, 
	action VARCHAR(64) NOT NULL, 
	target TEXT NOT NULL, 
	detail TEXT NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "audit" VALUES(1,'2026-11-25 04:32:09.894050','owner','key.create','notebook','');
CREATE TABLE conversation_turns (
	conversation_id VARCHAR(64) NOT NULL, 
	position INTEGER NOT NULL, 
	role VARCHAR(16) NOT NULL, 
	content TEXT NOT NULL, 
	base_content TEXT, 
	created_at DATETIME NOT NULL, 
	PRIMARY KEY (conversation_id, position), 
	FOREIGN KEY(conversation_id) REFERENCES conversations (id) ON DELETE CASCADE
);
INSERT INTO "conversation_turns" VALUES('conversation-64bcae25dfeb4a79',1,'user','Where is my parcel?',NULL,'2026-11-25 04:32:09.736936');
INSERT INTO "conversation_turns" VALUES('conversation-64bcae25dfeb4a79',2,'assistant','other','I do not know','2026-11-25 04:32:09.810612');
CREATE TABLE conversations (
	id VARCHAR(64) NOT NULL, 
	account_id VARCHAR(64) NOT NULL, 
	model_id VARCHAR(64) NOT NULL, 
	title TEXT NOT NULL, 
	settings TEXT NOT NULL, 
	created_at DATETIME NOT NULL, 
	updated_at DATETIME NOT NULL, 
	deleted_at DATETIME, 
	PRIMARY KEY (id)
);
INSERT INTO "conversations" VALUES('conversation-64bcae25dfeb4a79','owner','model-b1a5433f650a5e0a','Where is my parcel?','{"system":null,"options":{"temperature":0.0,"top_p":1.0,"max_tokens":512,"stop":[],"seed":null},"remember":true,"compare":false}','2026-11-25 04:32:09.714548','2026-11-25 04:32:09.810612',NULL);
CREATE TABLE dataset_files (
	dataset_id VARCHAR(64) NOT NULL, 
	uri TEXT NOT NULL, 
	sha256 VARCHAR(64) NOT NULL, 
	name TEXT NOT NULL, 
	examples INTEGER NOT NULL, 
	PRIMARY KEY (dataset_id, uri), 
	FOREIGN KEY(dataset_id) REFERENCES datasets (id) ON DELETE CASCADE
);
INSERT INTO "dataset_files" VALUES('dataset-cd65ea2c2ad99e94','/tmp/luthier-0.1.0/made/tickets.csv','369c8bdfcb0ea9ab54b7a6d71cd0816178e7513859d227532c4b83562f1ae1eb','tickets.csv',3);
CREATE TABLE datasets (
	id VARCHAR(64) NOT NULL, 
	kind VARCHAR(32) NOT NULL, 
	created_at DATETIME NOT NULL, 
	record TEXT NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "datasets" VALUES('dataset-cd65ea2c2ad99e94','classify','2026-11-25 04:32:09.493812','{"id":"dataset-cd65ea2c2ad99e94","use_case":"Route messages – schön","system":"Answer with one label.","kind":"classify","train_uri":"/tmp/luthier-0.1.0/datasets/dataset-cd65ea2c2ad99e94/train.jsonl","holdout_uri":"/tmp/luthier-0.1.0/datasets/dataset-cd65ea2c2ad99e94/holdout.jsonl","lineage_uri":"/tmp/luthier-0.1.0/datasets/dataset-cd65ea2c2ad99e94/lineage.jsonl","drops_uri":"/tmp/luthier-0.1.0/datasets/dataset-cd65ea2c2ad99e94/drops.jsonl","report":{"files":[{"uri":"/tmp/luthier-0.1.0/made/tickets.csv","name":"tickets.csv","sha256":"369c8bdfcb0ea9ab54b7a6d71cd0816178e7513859d227532c4b83562f1ae1eb","bytes":0,"rows":3,"used":true,"reason":""}],"rows_in":3,"examples":0,"train":2,"holdout":1,"dropped":{},"labels":{"other":3},"kind_reason":"","overlap":0.0,"findings":[],"tokens":null,"price":null,"ok":true},"created_at":"2026-11-25T04:32:09.493812Z"}');
CREATE TABLE jobs (
	id VARCHAR(64) NOT NULL, 
	status VARCHAR(32) NOT NULL, 
	provider VARCHAR(64) NOT NULL, 
	dataset_id VARCHAR(64) NOT NULL, 
	created_at DATETIME NOT NULL, 
	record TEXT NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "jobs" VALUES('job-06b11091dc6ab40d','failed','gpu','dataset-cd65ea2c2ad99e94','2026-11-25 04:32:09.541454','{"id":"job-06b11091dc6ab40d","name":"Tickets","status":"failed","provider":"gpu","dataset_id":"dataset-cd65ea2c2ad99e94","recipe":{"base_model":"smollm2-135m","epochs":null,"learning_rate":null,"rank":null,"seed":17,"suffix":null,"options":{}},"attempt":1,"remote_id":null,"progress":null,"failure":{"code":"training_failed","message":"Out of memory.","hint":"Retry.","transient":true},"created_at":"2026-11-25T04:32:09.541454Z","updated_at":"2026-11-25T04:32:09.564730Z","finished_at":"2026-11-25T04:32:09.564730Z"}');
INSERT INTO "jobs" VALUES('job-c23cc1de0e2d5a83','succeeded','gpu','dataset-cd65ea2c2ad99e94','2026-11-25 04:32:09.548112','{"id":"job-c23cc1de0e2d5a83","name":"Tickets","status":"succeeded","provider":"gpu","dataset_id":"dataset-cd65ea2c2ad99e94","recipe":{"base_model":"smollm2-135m","epochs":null,"learning_rate":null,"rank":null,"seed":17,"suffix":null,"options":{}},"attempt":2,"remote_id":null,"progress":null,"failure":null,"created_at":"2026-11-25T04:32:09.548112Z","updated_at":"2026-11-25T04:32:09.617693Z","finished_at":"2026-11-25T04:32:09.617693Z"}');
CREATE TABLE luthier_schema (
	version INTEGER NOT NULL, 
	PRIMARY KEY (version)
);
INSERT INTO "luthier_schema" VALUES(1);
CREATE TABLE models (
	id VARCHAR(64) NOT NULL, 
	display_name TEXT NOT NULL, 
	provider VARCHAR(64) NOT NULL, 
	job_id VARCHAR(64) NOT NULL, 
	dataset_id VARCHAR(64) NOT NULL, 
	artifact TEXT, 
	created_at DATETIME NOT NULL, 
	deleted_at DATETIME, 
	record TEXT NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "models" VALUES('model-b1a5433f650a5e0a','Ticket router','gpu','job-c23cc1de0e2d5a83','dataset-cd65ea2c2ad99e94',NULL,'2026-11-25 04:32:09.678522',NULL,'{"id":"model-b1a5433f650a5e0a","display_name":"Ticket router","description":"Route messages","provider":"gpu","base_model":"smollm2-135m","reference":"/nowhere","artifact":null,"job_id":"job-c23cc1de0e2d5a83","dataset_id":"dataset-cd65ea2c2ad99e94","evaluation":null,"created_at":"2026-11-25T04:32:09.678522Z","updated_at":"2026-11-25T04:32:09.678526Z"}');
CREATE TABLE runs (
	id VARCHAR(64) NOT NULL, 
	account VARCHAR(64) NOT NULL, 
	flow VARCHAR(32) NOT NULL, 
	status VARCHAR(32) NOT NULL, 
	premium BOOLEAN NOT NULL, 
	job_id VARCHAR(64), 
	dataset_id VARCHAR(64), 
	created_at DATETIME NOT NULL, 
	deleted_at DATETIME, 
	purged_at DATETIME, 
	record TEXT NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "runs" VALUES('ftjob-604768fff858475dafe60e81','owner','fine_tune','succeeded',0,'job-c23cc1de0e2d5a83','dataset-cd65ea2c2ad99e94','2026-11-25 04:32:09.685033',NULL,NULL,'{"id":"ftjob-604768fff858475dafe60e81","account":"owner","flow":"fine_tune","name":"Tickets","use_case":"Route messages","base_model":"smollm2-135m","provider":"gpu","premium":false,"parameters":{"name":"Tickets"},"request":{},"status":"succeeded","failure":null,"dataset_id":"dataset-cd65ea2c2ad99e94","job_id":"job-c23cc1de0e2d5a83","elsewhere":false,"pid":null,"pid_started":null,"flow_run_id":null,"starts":0,"created_at":"2026-11-25T04:32:09.685033Z","updated_at":"2026-11-25T04:32:09.685038Z","finished_at":null,"deleted_at":null,"purged_at":null}');
CREATE TABLE submissions (
	job_id VARCHAR(64) NOT NULL, 
	provider VARCHAR(64) NOT NULL, 
	"key" TEXT NOT NULL, 
	remote_id TEXT, 
	claim VARCHAR(64), 
	claimed_until DATETIME, 
	claims INTEGER NOT NULL, 
	intended_at DATETIME NOT NULL, 
	recorded_at DATETIME, 
	PRIMARY KEY (job_id)
);
INSERT INTO "submissions" VALUES('job-c23cc1de0e2d5a83','gpu','key-1','process-7',NULL,NULL,1,'2026-11-25 04:32:09.638638','2026-11-25 04:32:09.655664');
INSERT INTO "submissions" VALUES('job-06b11091dc6ab40d','gpu','key-0',NULL,'75372b15acac4f3b8b2010d13bd91290','2026-11-25 04:42:09.672869',1,'2026-11-25 04:32:09.672869',NULL);
CREATE TABLE uploads (
	id VARCHAR(64) NOT NULL, 
	account VARCHAR(64) NOT NULL, 
	filename TEXT NOT NULL, 
	purpose VARCHAR(32) NOT NULL, 
	bytes BIGINT NOT NULL, 
	path TEXT NOT NULL, 
	created_at DATETIME NOT NULL, 
	deleted_at DATETIME, 
	PRIMARY KEY (id)
);
INSERT INTO "uploads" VALUES('file-199bbdd641cb44a981fd9e72','owner','tickets.csv','fine-tune',8,'/tmp/luthier-0.1.0/uploads/file-199bbdd641cb44a981fd9e72/tickets.csv','2026-11-25 04:32:09.875042',NULL);
CREATE TABLE usage (
	account VARCHAR(64) NOT NULL, 
	minute BIGINT NOT NULL, 
	requests INTEGER NOT NULL, 
	PRIMARY KEY (account, minute)
);
INSERT INTO "usage" VALUES('acct-aa276573cc724758',29926352,1);
CREATE INDEX ix_datasets_created_at ON datasets (created_at);
CREATE INDEX ix_jobs_dataset_id ON jobs (dataset_id);
CREATE INDEX ix_jobs_created_at ON jobs (created_at);
CREATE INDEX ix_jobs_status ON jobs (status);
CREATE INDEX ix_models_dataset_id ON models (dataset_id);
CREATE INDEX ix_models_shown ON models (deleted_at, created_at);
CREATE INDEX ix_models_display_name ON models (display_name);
CREATE INDEX ix_models_job_id ON models (job_id);
CREATE INDEX ix_conversations_of_model ON conversations (account_id, model_id, updated_at);
CREATE INDEX ix_audit_at ON audit (at);
CREATE INDEX ix_audit_account ON audit (account);
CREATE INDEX ix_uploads_account ON uploads (account);
CREATE INDEX ix_runs_status ON runs (status);
CREATE INDEX ix_runs_account ON runs (account);
CREATE INDEX ix_runs_job_id ON runs (job_id);
CREATE INDEX ix_runs_dataset_id ON runs (dataset_id);
CREATE INDEX ix_dataset_files_sha256 ON dataset_files (sha256);
CREATE INDEX ix_api_keys_account ON api_keys (account);
COMMIT;
