"""The reviewer for machines without a model: it parses text and runs no code of what it reviews."""
