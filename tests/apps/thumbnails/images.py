"""Pictures in events: base64 in, base64 out."""

import base64
import binascii
import io

from PIL import Image, UnidentifiedImageError

MAX_BYTES = 5_000_000


def load(event):
    """The picture in ``event["image"]``; raises ValueError."""
    try:
        content = base64.b64decode(event["image"], validate=True)
    except (KeyError, TypeError, binascii.Error):
        raise ValueError('send {"image": "<base64>"}') from None
    if len(content) > MAX_BYTES:
        raise ValueError(f"the image has {len(content)} bytes, at most {MAX_BYTES} are taken")
    try:
        picture = Image.open(io.BytesIO(content))
        picture.load()
    except (UnidentifiedImageError, OSError):
        raise ValueError("this is not an image that Pillow reads") from None
    return picture


def answer(picture):
    """The picture as PNG, with its size in pixels."""
    out = io.BytesIO()
    picture.save(out, "PNG")
    return {
        "image": base64.b64encode(out.getvalue()).decode(),
        "width": picture.width,
        "height": picture.height,
    }
