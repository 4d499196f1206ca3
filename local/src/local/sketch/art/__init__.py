"""How the pictures are made: words become a scene, and a scene is painted in layers."""
