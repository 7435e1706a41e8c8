"""The server behind the pages: authentication, connections, the feed, the figures, the application."""
