"""Folders of images as users have them: what a file is, which files are images, which folders are classes."""
