"""What a jar says of itself, and what can be told where it says nothing."""

import io

import pytest

from driftguard.analysis.inventory import Evidence, Inventory, inventory, java
from tests.support.inventory.making_zips import Content, pom, zipped


def in_a_function(jar: str, files: dict[str, Content]) -> Inventory:
    """A function's code with one jar in `lib/`."""
    return inventory(io.BytesIO(zipped({f"lib/{jar}": zipped(files)})), "function.zip")


def named(found: Inventory) -> list[str]:
    return [f"{package.name}:{package.version}" for package in found.packages]


@pytest.mark.parametrize(
    "text",
    [
        "groupId=org.apache.logging.log4j\nartifactId=log4j-core\nversion=2.14.1\n",
        "#made\r\nversion = 2.14.1\r\nartifactId : log4j-core\r\ngroupId org.apache.logging.log4j",
        "!comment\n\nversion:2.14.1\nartifactId:log4j-core\ngroupId:org.apache.logging.log4j\n",
    ],
)
def test_pom_properties_are_read_as_java_reads_them(text: str) -> None:
    (finding,) = java.of_pom(text.encode(), "pom.properties").findings
    assert finding.package.ecosystem == "Maven"
    assert finding.package.name == "org.apache.logging.log4j:log4j-core"
    assert finding.package.version == "2.14.1"


@pytest.mark.parametrize(
    "text",
    ["", "groupId=a\nversion=1\n", "groupId=a.b\nartifactId=c\nversion=${revision}\n"],
)
def test_a_pom_that_does_not_say_what_it_is_about_is_a_gap(text: str) -> None:
    parsed = java.of_pom(text.encode(), "pom.properties")
    assert not parsed.findings
    assert any(trouble.gap for trouble in parsed.troubles)


def test_everything_that_was_shaded_into_a_jar_is_found() -> None:
    files = (
        pom("com.example", "handler", "1.0")
        | pom("org.apache.logging.log4j", "log4j-core", "2.14.1")
        | pom("com.fasterxml.jackson.core", "jackson-databind", "2.9.8")
    )
    found = in_a_function("handler.jar", files)
    assert named(found) == [
        "com.example:handler:1.0",
        "com.fasterxml.jackson.core:jackson-databind:2.9.8",
        "org.apache.logging.log4j:log4j-core:2.14.1",
    ]
    assert {package.where for package in found.packages} == {"lib/handler.jar"}
    assert found.complete


def test_a_bundle_without_a_pom_is_told_by_its_symbolic_name() -> None:
    manifest = (
        "Manifest-Version: 1.0\r\nBundle-SymbolicName: org.apache.logging.log4j.co\r\n"
        " re;singleton:=true\r\nBundle-Version: 2.14.1\r\n\r\nName: other/\r\nBundle-Version: 9\r\n"
    )
    found = in_a_function("log4j-core-2.14.1.jar", {java.MANIFEST: manifest})
    assert named(found) == [
        "log4j-core:log4j-core:2.14.1",
        "org.apache.logging.log4j:log4j-core:2.14.1",
    ]
    assert {item.evidence for item in found.items} == {Evidence.INFERRED}
    assert found.complete
    assert found.troubles == (
        "lib/log4j-core-2.14.1.jar: is a jar that does not say its group, which was guessed",
    )


def test_a_vendors_id_is_the_group() -> None:
    manifest = (
        "Implementation-Title: log4j-core\nImplementation-Version: 2.14.1\n"
        "Implementation-Vendor-Id: org.apache.logging.log4j\n"
    )
    found = in_a_function("renamed.jar", {java.MANIFEST: manifest})
    assert "org.apache.logging.log4j:log4j-core:2.14.1" in named(found)


def test_a_jar_of_gradles_is_told_by_its_classes() -> None:
    manifest = "Implementation-Title: spring-beans\nImplementation-Version: 5.3.17\n"
    classes: dict[str, Content] = {
        "org/springframework/beans/BeanUtils.class": b"",
        "org/springframework/beans/factory/BeanFactory.class": b"",
    }
    found = in_a_function("spring-beans-5.3.17.jar", {java.MANIFEST: manifest} | classes)
    assert "org.springframework:spring-beans:5.3.17" in named(found)
    assert {item.evidence for item in found.items} == {Evidence.INFERRED}


def test_a_classifier_is_not_part_of_the_version() -> None:
    manifest = (
        "Implementation-Version: 4.1.70.Final\n"
        "Bundle-SymbolicName: io.netty.transport-native-epoll\n"
    )
    jar = "netty-transport-native-epoll-4.1.70.Final-linux-x86_64.jar"
    found = in_a_function(jar, {java.MANIFEST: manifest})
    assert "io.netty:netty-transport-native-epoll:4.1.70.Final" in named(found)


@pytest.mark.parametrize(
    ("jar", "of_a_class", "name"),
    [
        ("okhttp-4.9.0.jar", "okhttp3/Call.class", "com.squareup.okhttp3:okhttp:4.9.0"),
        ("h2-1.4.200.jar", "org/h2/Driver.class", "com.h2database:h2:1.4.200"),
        ("kotlin-stdlib-1.3.0.jar", "kotlin/Any.class", "org.jetbrains.kotlin:kotlin-stdlib:1.3.0"),
    ],
)
def test_a_widespread_library_is_known_whatever_its_packages_are(
    jar: str, of_a_class: str, name: str
) -> None:
    assert name in named(in_a_function(jar, {of_a_class: b""}))


def test_a_library_whose_group_nobody_says_is_a_gap() -> None:
    classes: dict[str, Content] = {"org/dom4j/Node.class": b"", "com/sun/Other.class": b""}
    found = in_a_function("dom4j-1.6.1.jar", classes)
    # It is what it was called before there were groups; who knows.
    assert named(found) == ["dom4j:dom4j:1.6.1"]
    assert found.troubles == ("lib/dom4j-1.6.1.jar: is a jar whose group can't be told",)
    assert not found.complete


def test_a_jar_without_classes_is_no_gap() -> None:
    found = in_a_function("junit-jupiter-5.10.2.jar", {java.MANIFEST: "Manifest-Version: 1.0\n"})
    assert (found.packages, found.complete) == ((), True)


def test_a_library_that_only_shades_others_poms_is_told_beside_them() -> None:
    files: dict[str, Content] = {"io/opentelemetry/sdk/trace/Span.class": b""}
    found = in_a_function(
        "opentelemetry-sdk-trace-1.59.0.jar", files | pom("org.jctools", "jctools-core", "4.0.5")
    )
    assert "org.jctools:jctools-core:4.0.5" in named(found)
    assert "io.opentelemetry:opentelemetry-sdk-trace:1.59.0" in named(found)


def test_a_jar_without_any_version_is_ones_own_and_no_gap() -> None:
    found = in_a_function("handler.jar", {"com/example/Handler.class": b""})
    assert found.complete
    assert found.troubles == ("lib/handler.jar: is a jar that does not say which it is",)


def test_a_library_whose_file_was_renamed_is_told_by_its_manifest_beside_what_it_shades() -> None:
    manifest = (
        "Implementation-Title: log4j-core\nImplementation-Version: 2.14.1\n"
        "Implementation-Vendor-Id: org.apache.logging.log4j\n"
    )
    files: dict[str, Content] = {java.MANIFEST: manifest}
    found = in_a_function("all.jar", files | pom("org.jctools", "jctools-core", "4.0.5"))
    assert "org.apache.logging.log4j:log4j-core:2.14.1" in named(found)


@pytest.mark.parametrize("version", ["unspecified", "unknown", "${project.version}"])
def test_what_a_build_writes_for_no_version_is_none(version: str) -> None:
    manifest = f"Implementation-Title: app\nImplementation-Version: {version}\n"
    assert in_a_function("app.jar", {java.MANIFEST: manifest}).packages == ()
    assert not in_a_function("app.jar", pom("com.example", "app", version)).complete
