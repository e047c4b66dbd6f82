"""What a pusher keeps when its process dies or its disk fails: `elsewhere` runs it, `disk` knows what is left."""
