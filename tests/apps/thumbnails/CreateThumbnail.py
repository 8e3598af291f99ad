"""Make a thumbnail of a picture: its longer side is 128 pixels."""

import images

SIDE = 128


def handler(event, context):
    picture = images.load(event)
    before = picture.size
    picture.thumbnail((SIDE, SIDE))
    print(f"thumbnail: {before[0]}x{before[1]} -> {picture.width}x{picture.height}")
    return images.answer(picture)
