"""For programs that read: llms.txt and tables of JSON lines, beside the pages."""


def written(app, exception):
    """Writes them into the folder of the built site."""
