"""Folders of images, one for each class, in a folder for each split or in none."""

from collections import defaultdict

from datasets import ClassLabel, Dataset, Features, Image

from hub.data.class_names import (
    RADIOGRAPH_CLASSES,
    check_class_count,
    check_different,
    folded,
    standard_names,
)
from hub.data.file_tree import FileTree
from hub.data.split_names import by_split, split_of, unusual_names
from hub.errors import InputError
from hub.left_out import left_out
from hub.text import counted


def read_class_folders(tree: FileTree) -> tuple[dict[str, Dataset], list[str]]:
    """Return the splits of a tree of class folders, and notes on what is left out.

    Columns are `image`, a path, and `label`. Raises InputError for a folder that has no classes, for a class
    without images, and for names that mean one split or one class.
    """
    roots = split_folders(tree)
    if "train" not in roots:
        raise InputError(f"{tree.root} has a folder for {', '.join(roots)} but none for train; add one.")
    folders = {split: class_folders(tree, root) for split, root in roots.items()}
    names = {key: name for found in reversed(folders.values()) for key, name in found.items()}  # train's win
    keys = sorted(names, key=names.get)
    classes = [names[key] for key in keys]
    check_class_count(classes, tree.root)
    splits, used = {}, set()
    for split, root in roots.items():
        images_of = _by_class_folder(tree.images, root)
        columns = {"image": [], "label": []}
        for label, key in enumerate(keys):
            folder = _join(root, folders[split].get(key, names[key]))
            inside = images_of[folder]
            if not inside:
                raise InputError(_without_images(tree, root, folder, names[key]))
            used.update(inside)
            columns["image"] += map(tree.path, inside)
            columns["label"] += [label] * len(inside)
        features = {"image": Image(decode=False), "label": ClassLabel(names=standard_names(classes))}
        splits[split] = Dataset.from_dict(columns, Features(features))
    return splits, _notes(tree, roots, classes, [file for file in tree.images if file not in used])


def split_folders(tree: FileTree) -> dict[str, str]:
    """Return the folder of each split.

    Where no folder has the name of a split, the root, "", is train. Raises InputError where two names mean
    one split.
    """
    return by_split(tree.subfolders(), tree.root) or {"train": ""}


def class_folders(tree: FileTree, root: str) -> dict[str, str]:
    """Return the class folders in the folder of a split, by their `folded` names.

    Raises InputError where two of them mean one class.
    """
    names = tree.subfolders(root)
    check_different(names, tree.path(root))
    return {folded(name): name for name in names}


def _by_class_folder(files: list[str], root: str) -> dict[str, list[str]]:
    """Return the files in each folder of the folder of a split, by the folder's path."""
    depth = 2 if root else 1
    found = defaultdict(list)
    for file in files:
        parts = file.split("/")
        if len(parts) > depth:
            found["/".join(parts[:depth])].append(file)
    return found


def class_of_file(file: str) -> str | None:
    """Return the name of the class folder that a file is in, None if there is none."""
    folders = file.split("/")[:-1]
    folders = folders[1:] if folders and split_of(folders[0]) else folders
    return folders[0] if folders else None


def has_class_folders(tree: FileTree) -> bool:
    """Return whether there are images in two or more folders that could be classes."""
    return len(_by_class_folder(tree.images, split_folders(tree).get("train", ""))) > 1


def _join(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name


def check_level(tree: FileTree) -> None:
    """Raise InputError where the data set, or its classes, are folders further down."""
    roots = split_folders(tree)
    for folder in sorted(tree.folders if "" in roots.values() else [], key=lambda folder: folder.count("/")):
        splits = [name for name in tree.subfolders(folder) if split_of(name)]
        if any(tree.subfolders(f"{folder}/{name}") for name in splits):
            raise InputError(
                f"{tree.root} holds no classes itself; give {tree.path(folder)}, which has the folders "
                f"{', '.join(splits)}."
            )
        if len({split_of(name) for name in splits}) > 1:
            raise InputError(
                f"{tree.path(folder)} has the folders {', '.join(splits)} without classes inside; put a "
                f"folder for each class into each of them, such as {splits[0]}/{folder.split('/')[-1]}."
            )
    for root in roots.values():
        folders = tree.subfolders(root)
        inner = [set(tree.subfolders(_join(root, folder))) for folder in folders]
        if len(folders) == 1 and len(inner[0]) > 1:
            folder, names = tree.path(_join(root, folders[0])), ", ".join(sorted(inner[0])[:6])
            todo = "move these one folder up" if root else f"give {folder}"
            raise InputError(
                f"{tree.path(root)} holds only the folder {folders[0]}, with the folders {names}; {todo}."
            )
        radiographs = {folded(name) for name in RADIOGRAPH_CLASSES}
        if folders and all({folded(name) for name in names} == radiographs for names in inner):
            raise InputError(
                f"{tree.path(root)} has the folders {', '.join(folders[:6])}, each with "
                "NORMAL and PNEUMONIA inside; give one of them, or name them train and test."
            )


def _without_images(tree: FileTree, root: str, folder: str, name: str) -> str:
    """Return the sentence that refuses a class without images."""
    if root and not tree.subfolders(root) and any(file.startswith(f"{root}/") for file in tree.images):
        return f"{tree.path(root)} has images but no class folders; sort the images, or take it out."
    if any(f"{link}/".startswith(f"{folder}/") for link in tree.repeated):
        return f"{tree.path(folder)} only links to what is there already; put images of its own there."
    return (
        f"{tree.path(folder)} has no images, so nothing can be said of {name}; put images there, or remove "
        "the class."
    )


def _notes(tree: FileTree, roots: dict[str, str], classes: list[str], unused: list[str]) -> list[str]:
    """Return notes on names and on what is left out.

    `unused` are the images in no class.
    """
    notes = unusual_names(roots) if "" not in roots.values() else []
    beside = [name for name in tree.subfolders() if name not in roots.values() and "" not in roots.values()]
    for name in beside:
        if files := tree.inside(name):
            notes.append(f"left out the folder {name}: {counted(len(files), 'file')}")
    others, unused = (
        [file for file in files if file.split("/")[0] not in beside] for files in (tree.others, unused)
    )
    if unused:
        notes.append(f"left out {counted(len(unused), 'image')} in no class folder, such as {unused[0]}")
    if others:
        notes.append(left_out(others))
    inner = [set(tree.subfolders(_join(roots["train"], name))) for name in tree.subfolders(roots["train"])]
    common = sorted(set.intersection(*inner))
    if len(common) > 1:
        notes.append(
            f"took {', '.join(classes[:6])} as the classes, and folders inside them, such as {common[0]}, as "
            "parts of them"
        )
    return notes + tree.notes()
