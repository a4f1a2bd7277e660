"""JPEGs decoded at reduced scale beside whole ones."""

from benchmarks import inference, reduction


def test_a_large_jpeg_is_answered_like_the_whole_of_it(radiograph_folder):
    record = reduction.compare(inference.find_images(radiograph_folder)[:4], side=2000)
    assert record["films"] == 4
    assert record["labels_changed"] == 0
    assert record["milliseconds"]["reduced"] > 0
