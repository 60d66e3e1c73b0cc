"""Bytes of a file once zipped, as Lambda stores it: zip_bytes.py FILE."""

import io
import sys
import zipfile

zipped = io.BytesIO()
with zipfile.ZipFile(zipped, "w", zipfile.ZIP_DEFLATED) as archive:
    archive.write(sys.argv[1])
print(zipped.tell())
