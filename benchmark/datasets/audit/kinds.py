"""What each kind of finding means, in a sentence or two."""

from __future__ import annotations

from collections.abc import Mapping

from .duplicates import NEAR_BITS
from .texts import MIDLINE_TOLERANCE, SMALLEST_AREA

ABOUT: Mapping[str, str] = {
    "image-without-mask": "An image that no mask belongs to; it is no case.",
    "mask-without-image": "A mask that no image belongs to.",
    "image-without-text": "An image and mask that no text belongs to; they are no case.",
    "text-without-image": "A row that names no image of its part.",
    "two-masks": "Two masks whose names fit one image: which is right cannot be told.",
    "two-texts": "Two rows whose names fit one image: which is right cannot be told.",
    "row-without-name": "A row with a text and no name.",
    "row-without-text": "A row with a name and no text.",
    "not-an-image": "A file or folder among the images that is none.",
    "ambiguous-image": "Two images whose names differ in the suffix alone.",
    "image-twice": "One image that two entries name.",
    "ambiguous-mask": "A mask whose name fits several images.",
    "ambiguous-text": "A row whose name fits several images.",
    "ambiguous-file": "An entry whose file name fits several files.",
    "entry-without-name": "An entry that names no image or mask.",
    "entry-without-file": "An entry whose image or mask is not there.",
    "entry-without-prompt": "An entry without the prompt that was chosen.",
    "image-without-entry": "An image that no entry names; it is no case.",
    "image-without-part": "An image that no row gives a part; it is no case.",
    "image-without-group": "An image that no row gives a patient or study.",
    "unknown-part": "A row whose part is none of train, val and test.",
    "patient-in-several-parts": "A patient or study that the published lists put into several parts.",
    "foreign-name": "A name unlike those of the published set.",
    "mixed-meaning": "Images whose pixels mean different things: a set has one meaning.",
    "mixed-pixel-size": "Images of different pixel sizes: the corruptions take the median for all.",
    "window-chosen": "Images that name several intensity windows, or none: the one that models see was chosen.",
    "place-mismatch": "A mask that lies elsewhere in the patient than its image.",
    "unreadable": "A file that cannot be decoded: cut short, damaged or of another kind than its name says.",
    "size-mismatch": "A mask of another size than its image: it may belong to another one, or was resized.",
    "copies-across-parts": "The same image in several parts: a model would be tested on what it was trained on. "
    "--allow-issues keeps the copy in the last part (test before validation before training).",
    "copies-within-part": "The same image several times in one part: it weighs more than others.",
    "near-copies-across-parts": f"Images of different parts whose perceptual hashes differ in at most {NEAR_BITS} of "
    "256 bits: often the same picture saved again, sometimes neighbouring slices of one patient.",
    "patients-in-train-and-test": "The test part is easier than new patients would be. Some published splits do this.",
    "patients-in-train-and-val": "The best epoch is chosen on known patients.",
    "patients-in-val-and-test": "The best epoch is chosen on patients of the test part.",
    "other-counts": "Another number of cases than the published set has.",
    "constant-image": "An image of one value shows nothing.",
    "mask-not-binary": "Values between background and lesion, as smoothing, resizing or JPEG leave them, or mixtures "
    "of 0, 1 and 255. A pixel counts as lesion above half of the full scale (1, 255 or 65535).",
    "empty-mask": "A mask without lesion: right for a normal case.",
    "full-mask": "A mask that is lesion everywhere.",
    "empty-text": "A case without text in a set where others have one.",
    "text-outside-grammar": "A text unlike the others, which follow the grammar of the lung reports, or one that "
    "contradicts itself.",
    "text-against-mask-number": "The text states another number of areas than the mask has 8-connected ones. Areas "
    f"below {SMALLEST_AREA:.2%} of the image may be counted or not.",
    "text-against-mask-side": "The text names another lung than the mask shows: the patient's left is on the viewer's "
    f"right. Areas whose centre is within {MIDLINE_TOLERANCE:.0%} of the width of the image's middle may be in either.",
    "sides-mirrored": "Most texts that name one lung go with a mask in the other: left and right are exchanged "
    "throughout.",
}
