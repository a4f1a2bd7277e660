"""Name and version of this library, as it introduces itself to the Hub."""

NAME = "chest-xray-hub"  # on pip
VERSION = "0.1.0"
# What huggingface_hub's functions take, for the User-Agent of their requests.
LIBRARY = {"library_name": NAME, "library_version": VERSION}
