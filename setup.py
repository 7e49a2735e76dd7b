"""What pyproject.toml cannot say: two top-level folders travel inside the package, as proxy.grammar and proxy.examples."""

from setuptools import find_packages, setup

setup(
    packages=[*find_packages(include=["proxy", "proxy.*"]), "proxy.grammar", "proxy.examples"],
    package_dir={"proxy.grammar": "grammar", "proxy.examples": "examples"},
    package_data={
        "proxy": ["py.typed"],
        "proxy.grammar": ["*.lark"],
        "proxy.examples": ["*.cfg", "*.conf", "*.service"],
        "proxy.stats": ["*.css", "*.js", "*.html", "*.json"],
        "proxy.stats.page": ["*.css", "*.js", "*.html", "*.json"],
    },
    include_package_data=False,
)
