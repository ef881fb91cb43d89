"""The kinds of file that hold dependencies, as data: what is read, and what is told as a gap.

A file that is in no row is taken for code. Each row is in docs/scan.md, which a test holds to this.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from . import java, node, python, rust
from .found_packages import Parsed
from .lockfiles import (
    conda,
    dotnet,
    gomod,
    javascript,
    jvm,
    manifests,
    mobile,
    php,
    pnpm,
    ruby,
    sbom,
    yarn,
)

Read = Callable[[bytes, str], Parsed]


class Treatment(StrEnum):
    """What becomes of a kind of file.

    `read`: its packages are looked up. `asks`: it names packages without saying which versions, and
    is told unless they are in here. `gap`: it holds packages that nothing here reads. `none`: it
    looks like a file of dependencies, and holds none that are deployed.
    """

    READ = "read"
    ASKS = "asks"
    GAP = "gap"
    NONE = "not a dependency file"


@dataclass(frozen=True, slots=True)
class Kind:
    """A row of the catalog. `names` are globs of a file's name, or of its folder and name.

    With `may_be_empty` a file of nothing but space is whole, and asks for nothing.
    """

    names: tuple[str, ...]
    ecosystem: str
    treatment: Treatment
    read: Read | None = None
    may_be_empty: bool = False


def _read(ecosystem: str, read: Read, *names: str) -> Kind:
    return Kind(names, ecosystem, Treatment.READ, read)


def _asks(ecosystem: str, *names: str, read: Read | None = None) -> Kind:
    reader = read or manifests.asks(ecosystem)
    return Kind(names, ecosystem, Treatment.ASKS, reader, may_be_empty=read is None)


def _gap(ecosystem: str, *names: str) -> Kind:
    return Kind(names, ecosystem, Treatment.GAP, manifests.unread(ecosystem), may_be_empty=True)


def _none(what: str, *names: str) -> Kind:
    return Kind(names, what, Treatment.NONE)


CATALOG: tuple[Kind, ...] = (
    # Python
    _read("PyPI", python.of_metadata, "*.dist-info/METADATA", "*.egg-info/PKG-INFO"),
    _read("PyPI", python.of_metadata, "EGG-INFO/PKG-INFO", "*.egg-info"),
    _read("PyPI", python.of_pipfile_lock, "Pipfile.lock"),
    _read("PyPI", python.of_lock, "poetry.lock", "uv.lock", "pdm.lock"),
    _read("PyPI", python.of_lock, "pylock.toml", "pylock.*.toml", "*.py.lock"),
    _read("PyPI", python.of_requirements, "requirements*.txt", "requirements/*.txt"),
    _read("PyPI", python.of_requirements, "*requirements.txt", "*requirements.pip"),
    _read("PyPI", python.of_requirements, "requirements*.lock", "constraints*.txt"),
    _read("PyPI", conda.of_environment, "environment.yml", "environment.yaml"),
    _read("PyPI", conda.of_environment, "conda.yml", "conda.yaml"),
    _read("PyPI", conda.of_lock, "conda-lock.yml", "*.conda-lock.yml", "pixi.lock"),
    _gap("conda", "conda-meta/*.json"),
    _asks("PyPI", "requirements*.in", "*requirements.in"),
    _asks("PyPI", "setup.py", "setup.cfg"),
    _asks("PyPI", "pyproject.toml", read=manifests.of_pyproject),
    _asks("PyPI", "Pipfile", read=manifests.of_pipfile),
    # Node, Bun, Deno
    _read("npm", node.of_package_lock, "package-lock.json", "npm-shrinkwrap.json"),
    _read("npm", node.of_package_lock, ".package-lock.json"),
    _read("npm", yarn.of_yarn_lock, "yarn.lock"),
    _read("npm", pnpm.of_pnpm_lock, "pnpm-lock.yaml", "pnpm-lock.yml", "shrinkwrap.yaml"),
    _read("npm", javascript.of_bun_lock, "bun.lock"),
    _read("npm", javascript.of_deno_lock, "deno.lock"),
    _asks("npm", "package.json", read=node.of_project),
    _asks("npm", "deno.json", "deno.jsonc", "import_map.json", read=javascript.of_deno_json),
    _gap("Bun in binary", "bun.lockb"),
    _gap("Yarn's Plug'n'Play", ".pnp.cjs", ".pnp.js", ".pnp.data.json"),
    _gap("Bower", "bower.json", ".bower.json"),
    _gap("LibMan", "libman.json"),
    # Java
    _read("Maven", java.of_pom, "META-INF/maven/*/*/pom.properties"),
    _read("Maven", jvm.of_pom, "pom.xml"),
    _read("Maven", jvm.of_gradle_lock, "gradle.lockfile", "buildscript-gradle.lockfile"),
    _read("Maven", jvm.of_gradle_lock, "settings-gradle.lockfile", "*.gradle.lockfile"),
    _read("Maven", jvm.of_gradle_lock, "dependency-locks/*.lockfile"),
    _read("Maven", jvm.of_verification, "verification-metadata.xml"),
    _asks("Maven", "build.gradle", "build.gradle.kts", "libs.versions.toml"),
    _asks("Maven", "build.sbt", "build.sc", "build.mill", "ivy.xml", "dependencies.lock"),
    _gap("Clojure", "deps.edn", "project.clj"),
    _gap("Bazel", "MODULE.bazel", "MODULE.bazel.lock", "WORKSPACE", "WORKSPACE.bazel"),
    _gap("Bazel", "maven_install.json"),
    _gap("sbt", "build.sbt.lock"),
    # Go
    _read("Go", gomod.of_mod, "go.mod"),
    _read("Go", gomod.of_sum, "go.sum", "go.work.sum"),
    _read("Go", gomod.of_vendored, "vendor/modules.txt"),
    _gap("dep, glide and godep", "Gopkg.lock", "Gopkg.toml", "glide.lock", "glide.yaml"),
    _gap("dep, glide and godep", "Godeps.json", "vendor/vendor.json"),
    # Rust
    _read("crates.io", rust.of_lock, "Cargo.lock"),
    _asks("crates.io", "Cargo.toml", read=manifests.of_cargo_toml),
    # Ruby
    _read("RubyGems", ruby.of_gemfile_lock, "Gemfile.lock", "gems.locked", "*.gemfile.lock"),
    _read("RubyGems", ruby.of_gemspec, "specifications/*.gemspec"),
    _asks("RubyGems", "Gemfile", "gems.rb", "*.gemspec"),
    # PHP
    _read("Packagist", php.of_composer_lock, "composer.lock"),
    _read("Packagist", php.of_installed_json, "composer/installed.json"),
    _asks("Packagist", "composer.json", read=php.of_composer_json),
    # .NET
    _read("NuGet", dotnet.of_packages_lock, "packages.lock.json", "packages.*.lock.json"),
    _read("NuGet", dotnet.of_deps, "*.deps.json"),
    _read("NuGet", dotnet.of_assets, "project.assets.json"),
    _read("NuGet", dotnet.of_packages_config, "packages.config", "packages.*.config"),
    _asks("NuGet", "*.csproj", "*.fsproj", "*.vbproj", read=dotnet.of_project),
    _asks("NuGet", "Directory.Packages.props", "Directory.Build.props", read=dotnet.of_project),
    _gap("Paket and project.json", "paket.lock", "paket.dependencies", "project.lock.json"),
    # Swift, Dart, Elixir
    _read("SwiftURL", mobile.of_package_resolved, "Package.resolved"),
    _asks("SwiftURL", "Package.swift"),
    _read("Pub", mobile.of_pubspec_lock, "pubspec.lock"),
    _asks("Pub", "pubspec.yaml", "pubspec.yml"),
    _read("Hex", mobile.of_mix_lock, "mix.lock"),
    _asks("Hex", "mix.exs"),
    _gap("Rebar", "rebar.lock", "rebar.config"),
    _gap("CocoaPods", "Podfile.lock", "Podfile"),
    _gap("Carthage", "Cartfile.resolved", "Cartfile"),
    # Bills of materials
    _read("any", sbom.of_bill, "bom.json", "bom.xml", "*.cdx.json", "*.cdx.xml"),
    _read("any", sbom.of_bill, "*.bom.json", "*.bom.xml", "cyclonedx*.json", "cyclonedx*.xml"),
    _read("any", sbom.of_bill, "*.cyclonedx.json", "*.cyclonedx.xml"),
    _read("any", sbom.of_bill, "sbom*.json", "sbom*.xml", "*sbom.json", "*sbom.xml"),
    _read("any", sbom.of_bill, "*.spdx", "*.spdx.json", "spdx.json"),
    _gap("SPDX in YAML or RDF", "*.spdx.yml", "*.spdx.yaml", "*.spdx.rdf", "*.spdx.xml"),
    # Ecosystems that nothing here reads
    _gap("Haskell", "stack.yaml.lock", "cabal.project.freeze", "*.cabal"),
    _gap("R", "renv.lock", "packrat.lock"),
    _gap("Perl", "cpanfile.snapshot", "cpanfile"),
    _gap("Julia", "Manifest.toml", "JuliaManifest.toml"),
    _gap("C and C++", "conan.lock", "conanfile.txt", "conanfile.py", "vcpkg.json"),
    _gap("Nix", "flake.lock"),
    _gap("OCaml", "*.opam", "*.opam.locked", "esy.lock"),
    _gap("Lua", "*.rockspec", "luarocks.lock"),
    _gap("Elm", "elm.json"),
    _gap("Crystal", "shard.lock", "shard.yml"),
    _gap("Nim", "nimble.lock", "*.nimble"),
    _gap("Zig", "build.zig.zon"),
    _gap("Terraform", ".terraform.lock.hcl"),
    _gap("Helm", "Chart.lock"),
    _gap("Homebrew, Chef and Puppet", "Brewfile", "Brewfile.lock.json"),
    _gap("Homebrew, Chef and Puppet", "Berksfile.lock", "Berksfile", "Puppetfile"),
    # What looks like one of these
    _none("settings of a package manager", ".npmrc", ".yarnrc", ".yarnrc.yml", "pip.conf"),
    _none("settings of a package manager", "nuget.config", "bunfig.toml", "poetry.toml"),
    _none(
        "the shape of a workspace", "go.work", "pnpm-workspace.yaml", "lerna.json", "global.json"
    ),
    _none("the shape of a build", "settings.gradle", "settings.gradle.kts", "gradle.properties"),
    _none("tools of those who develop", ".pre-commit-config.yaml", "tox.ini", "noxfile.py"),
    _none("an image's recipe, which names images and no packages", "Dockerfile", "Containerfile"),
)
