"""Resize a picture to the width asked for, keeping its shape."""

import images

WIDEST = 1024


def handler(event, context):
    picture = images.load(event)
    width = max(1, min(int(event.get("width", 64)), WIDEST))
    height = max(1, round(picture.height * width / picture.width))
    print(f"resize: {picture.width}x{picture.height} -> {width}x{height}")
    return images.answer(picture.resize((width, height)))
