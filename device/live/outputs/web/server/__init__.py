"""The server behind the pages: authentication, connections, the feed, metrics, the application."""
