def artifact_version(folder):
    """The version of the deployable in that folder: what its VERSION file says."""
    with open(f"{folder}/VERSION") as file:
        return file.read().strip()
