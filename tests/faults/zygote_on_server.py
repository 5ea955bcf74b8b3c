"""The zygote, where the records are on a PostgreSQL server: the transactions that kills are counted by are those there."""

import os
import runpy

import zenml.store.sqlite
from zenml.store.postgresql_transaction import WriteTransaction

if __name__ == "__main__":
    zenml.store.sqlite.WriteTransaction = WriteTransaction
    runpy.run_path(os.path.join(os.path.dirname(os.path.abspath(__file__)), "zygote.py"), run_name="__main__")
