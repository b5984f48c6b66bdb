-- beside the registry's database, which the image makes itself
CREATE DATABASE prefect;
