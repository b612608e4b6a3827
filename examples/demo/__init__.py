"""The demo: a team of five trains, posts, asks and boasts on this machine, with real parts only."""
