"""What is shipped for servers: the Dockerfile, whose steps are done here, and the manifests beside it."""

import os
import subprocess
import urllib.request
from pathlib import Path

import dockerfile
import pytest
import yaml
from servers import free_port, serving

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "docs" / "deployment"
STEPS = dockerfile.steps(FOLDER / "Dockerfile")


def manifests():
    return {each["kind"]: each for each in yaml.safe_load_all((FOLDER / "kubernetes.yaml").read_text())}


def test_the_image_is_of_what_the_build_may_see():
    ignored = (FOLDER / "Dockerfile.dockerignore").read_text().split()
    copied = [
        source
        for name, text in STEPS
        if name == "COPY" and "--from" not in text
        for source in text.split()[:-1]
    ]
    assert ignored[0] == "*" and {f"!{source}" for source in copied} <= set(ignored)
    assert all((ROOT / source).exists() for source in copied)


@pytest.mark.parametrize("built", [True, False])
def test_the_image_has_the_page_where_the_clone_has_built_it(built, tmp_path):
    (step,) = (text for name, text in STEPS if name == "RUN" and "page/built" in text)
    installed = tmp_path / "venv" / "lib" / "python3.11" / "site-packages" / "hub" / "page"
    source = tmp_path / "src" / "hub" / "page" / "built"
    installed.mkdir(parents=True)
    if built:
        source.mkdir(parents=True)
        (source / "page.json").write_text("{}")
    subprocess.run(["sh", "-ec", dockerfile.Image(tmp_path).here(step)], check=True)
    assert (installed / "built" / "page.json").is_file() == built


def test_the_pods_are_what_the_image_needs():
    pod = manifests()["Deployment"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    (user,) = (int(text) for name, text in STEPS if name == "USER")
    (port,) = (int(text) for name, text in STEPS if name == "EXPOSE")
    assert pod["securityContext"]["runAsUser"] == user and pod["securityContext"]["runAsNonRoot"]
    assert container["ports"] == [{"name": "http", "containerPort": port}]
    assert container["securityContext"]["readOnlyRootFilesystem"]
    assert container["volumeMounts"] == [{"name": "tmp", "mountPath": "/tmp"}]
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert container[probe]["httpGet"] == {"path": "/healthz", "port": "http"}
    assert {"cpu", "memory"} <= set(container["resources"]["limits"])


def test_the_manifests_name_each_other():
    every, name = manifests(), "is-it-pneumonia"
    labels = every["Deployment"]["spec"]["template"]["metadata"]["labels"]
    assert every["Deployment"]["spec"]["selector"]["matchLabels"] == labels
    assert every["Service"]["spec"]["selector"] == labels
    assert every["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"] == labels
    (path,) = every["Ingress"]["spec"]["rules"][0]["http"]["paths"]
    assert path["backend"]["service"]["name"] == every["Service"]["metadata"]["name"] == name
    assert every["HorizontalPodAutoscaler"]["spec"]["scaleTargetRef"]["name"] == name


def times(root):
    """Return when each file was written, but for what Gradio writes beside itself where it may."""
    files = (path for path in root.rglob("*") if path.is_file() and "gradio" not in path.parts)
    return {path: path.stat().st_mtime_ns for path in files}


@pytest.mark.install
def test_the_steps_of_the_dockerfile_make_a_demo_without_torch_that_writes_to_its_temporary_folder_alone(
    radiograph, tmp_path
):
    tmp_path.chmod(0o755)
    root, tmp = tmp_path / "root", tmp_path / "tmp"
    root.mkdir()
    image = dockerfile.build(FOLDER / "Dockerfile", ROOT, root)
    tmp.mkdir()
    if os.getuid() == 0:
        os.chown(tmp, image.user, image.user)
        for folder in tmp_path.parents:  # which the user of the image has to pass
            if folder.stat().st_uid == os.getuid() and folder != Path("/"):
                folder.chmod(folder.stat().st_mode | 0o011)
    assert not list(root.glob("venv/lib/*/site-packages/torch"))
    before = times(root)
    port = free_port()
    command, environment = dockerfile.container(image, tmp)
    environment["GRADIO_SERVER_PORT"] = str(port)
    url = f"http://127.0.0.1:{port}"
    with serving(command, f"{url}/healthz", cwd=image.workdir, env=environment):
        radiograph.save(tmp_path / "film.png")
        request = urllib.request.Request(f"{url}/classify", (tmp_path / "film.png").read_bytes())
        assert b'"label"' in urllib.request.urlopen(request, timeout=60).read()
        page = urllib.request.urlopen(url, timeout=60).read().decode()
        assert "view-batch" in page and "view-inside" in page
        subprocess.run(image.health, check=True, env=environment)
    assert times(root) == before
