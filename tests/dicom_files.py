"""Files of DICOM radiographs as tests need them, and what reading them gives."""

import io
import struct
from pathlib import Path

import gdcm
import numpy as np
import pydicom.uid as uids
import pytest
from PIL import Image
from pydicom import Dataset, Sequence
from pydicom.datadict import dictionary_VR
from pydicom.dataset import FileMetaDataset
from pydicom.tag import Tag

from hub.errors import InputError
from hub.imaging.greys import limits
from hub.imaging.read import read_here, read_image
from hub.imaging.sources import read_source

PATIENT = "Lovelace^Ada"
ROWS, COLUMNS = np.mgrid[:40, :48]
# Smooth, so that JPEG keeps it; from the lowest to the highest value.
WAVE = (np.sin(COLUMNS / 9) + np.cos(ROWS / 7)) / 4 + 0.5
WAVE = (WAVE - WAVE.min()) / (WAVE.max() - WAVE.min())
GREY = np.rint(255 * WAVE).astype(np.uint8)
DEEP = np.rint(4095 * WAVE).astype(np.uint16)
COLOUR = np.stack([GREY, GREY[::-1], 255 - GREY], -1)


def stretched(values):
    """Deep greys from the percentiles of `greys.limits` to 0..255; 8 bits as they are."""
    if values.dtype.itemsize == 1:
        return values
    low, high = limits(*np.unique(values.astype(float), return_counts=True))
    return np.rint((values.astype(float).clip(low, high) - low) * 255 / (high - low))


def dataset(pixels=GREY, bits=None, **elements):
    """A CR image of Ada Lovelace; `elements` are added, or left out where they are None."""
    bits = bits or (8 if pixels.dtype.itemsize == 1 else 12)
    image = Dataset()
    image.SOPClassUID, image.SOPInstanceUID = uids.ComputedRadiographyImageStorage, "1.2.3"
    image.Modality, image.PatientName, image.PatientID = "CR", PATIENT, "Ada1815"
    image.Rows, image.Columns = pixels.shape[:2]
    image.SamplesPerPixel = pixels.shape[2] if pixels.ndim == 3 else 1
    image.PhotometricInterpretation = "RGB" if pixels.ndim == 3 else "MONOCHROME2"
    image.BitsAllocated, image.BitsStored, image.HighBit = 8 * pixels.dtype.itemsize, bits, bits - 1
    image.PixelRepresentation = int(pixels.dtype.kind == "i")
    image.PixelData = pixels.tobytes()
    image["PixelData"].VR = "OB" if pixels.dtype.itemsize == 1 else "OW"
    if pixels.ndim == 3:
        image.PlanarConfiguration = 0
    for name, value in elements.items():
        if value is None:
            delattr(image, name)
        else:
            setattr(image, name, value)
    return image


def stored(image, syntax=uids.ExplicitVRLittleEndian):
    """The bytes of a file with preamble, prefix and meta information."""
    image.file_meta = FileMetaDataset()
    image.file_meta.TransferSyntaxUID = syntax
    if syntax.is_encapsulated:
        image["PixelData"].is_undefined_length = True
    buffer = io.BytesIO()
    image.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def with_element(data, name, value, vr=None):
    """The same file with one more element before its pixels, whatever its value.

    `data` are of explicit type and little endian, `value` is text or bytes, and later elements count.
    """
    tag, vr = Tag(name), vr or dictionary_VR(name)[:2]
    if isinstance(value, str):
        value = value.encode() + b" " * (len(value) % 2)
    long = vr in ("OB", "SQ", "UN", "UT")
    length = struct.pack("<HL", 0, len(value)) if long else struct.pack("<H", len(value))
    start = data.rindex(b"\xe0\x7f\x10\x00O")
    element = struct.pack("<HH2s", tag.group, tag.element, vr.encode()) + length + value
    return data[:start] + element + data[start:]


def with_syntax(data, syntax):
    """The same file with another transfer syntax, or none if that is None, in its meta information."""
    start = data.index(b"\2\0\x10\0UI")
    (length,) = struct.unpack_from("<H", data, start + 6)
    element = b""
    if syntax:
        name = syntax.encode() + b"\0" * (len(syntax) % 2)
        element = b"\2\0\x10\0UI" + struct.pack("<H", len(name)) + name
    group = struct.unpack_from("<L", data, 140)[0] + len(element) - 8 - length
    return data[:140] + struct.pack("<L", group) + data[144:start] + element + data[start + 8 + length :]


def jpeg(pixels, **options):
    """A JPEG frame of Pillow, which is JFIF."""
    frame = io.BytesIO()
    Image.fromarray(pixels).save(frame, "JPEG", quality=95, **options)
    return frame.getvalue()


def bare(image, implicit, little):
    """The bytes of a data set alone, as some exports leave it."""
    buffer = io.BytesIO()
    image.save_as(buffer, implicit_vr=implicit, little_endian=little)
    return buffer.getvalue()


def transcoded(image, syntax, folder):
    """The same image, compressed by GDCM."""
    (folder / "image.dcm").write_bytes(stored(image))
    reader = gdcm.ImageReader()
    reader.SetFileName(str(folder / "image.dcm"))
    assert reader.Read()
    change = gdcm.ImageChangeTransferSyntax()
    change.SetTransferSyntax(gdcm.TransferSyntax(gdcm.TransferSyntax.GetTSType(str(syntax))))
    change.SetInput(reader.GetImage())
    assert change.Change()
    writer = gdcm.ImageWriter()
    writer.SetFileName(str(folder / "compressed.dcm"))
    writer.SetFile(reader.GetFile())
    writer.SetImage(change.GetOutput())
    assert writer.Write()
    data = (folder / "compressed.dcm").read_bytes()
    assert str(syntax).encode() in data
    return data


def pixels(source):
    """What is read, in this process: test_dicom_bundled.py and the fuzz are about the one for frames."""
    return np.asarray(read_here(read_source(source), "The image", None)).astype(int)


def refusal(source):
    """The one sentence with which the source is refused; it names the file, and nobody in it."""
    with pytest.raises(InputError) as caught:
        read_image(source)
    sentence = str(caught.value)
    assert (Path(source).name if isinstance(source, str | Path) else "The image") in sentence
    assert sentence.endswith(".") and ". " not in sentence and "\n" not in sentence
    assert "Ada" not in sentence and "Lovelace" not in sentence
    return sentence


def lut(table, first, depth):
    item = Dataset()
    item.LUTDescriptor, item.LUTData = [len(table) % 65_536, first, depth], [int(value) for value in table]
    item["LUTDescriptor"].VR = item["LUTData"].VR = "US"
    return Sequence([item])
