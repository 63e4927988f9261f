//! The build script, which makes the bundle: run as Cargo does, with programs made up for the test
//! in place of Node.js and npm.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
    thread,
};

use tempfile::TempDir;

const API: &str = env!("CARGO_MANIFEST_DIR");

/// The build script as a program; the tests have none of their own.
fn script() -> &'static Path {
    static SCRIPT: OnceLock<PathBuf> = OnceLock::new();
    SCRIPT.get_or_init(|| {
        let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join("playground-build-script");
        let status = Command::new(Path::new(env!("CARGO")).with_file_name("rustc"))
            .args(["--edition", "2024", "build.rs", "-o"])
            .arg(&program)
            .current_dir(API)
            .status();
        assert!(status.expect("rustc runs").success(), "it does not build");
        program
    })
}

/// A machine with a target directory of its own, and the programs that it is given.
struct Machine(TempDir);

/// What came of a build: what Cargo was told, and the code for `playground.rs`.
struct Built {
    told: String,
    code: String,
}

impl Built {
    fn has_files(&self) -> bool {
        self.code.contains("include_bytes!")
    }

    fn warning(&self) -> Option<&str> {
        let mut lines = self.told.lines();
        lines.find_map(|line| line.strip_prefix("cargo::warning=the playground is left out"))
    }
}

impl Machine {
    fn new() -> Self {
        let machine = Self(tempfile::tempdir().expect("a temporary directory"));
        fs::create_dir(machine.0.path().join("bin")).expect("a directory");
        machine
    }

    fn program(&self, name: &str, shell: &str) -> &Self {
        let path = self.0.path().join("bin").join(name);
        fs::write(&path, format!("#!/bin/sh\n{shell}\n")).expect("a program");
        fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).expect("it may run");
        self
    }

    /// An npm that makes a page, and counts its builds.
    fn npm(&self) -> &Self {
        let log = self.log();
        let make = "[ \"$2\" != build ] || { /bin/mkdir bundle; echo page > bundle/index.html; }";
        self.program(
            "npm",
            &format!("echo \"$1\" >> {log}\n{make}", log = log.display()),
        )
    }

    fn log(&self) -> PathBuf {
        self.0.path().join("npm.log")
    }

    fn build(&self, profile: &str, switch: &str) -> Built {
        let out = self
            .0
            .path()
            .join(format!("target/{profile}/build/api-1/out"));
        fs::create_dir_all(&out).expect("Cargo makes it");
        let output = Command::new(script())
            .env_clear()
            .env("OUT_DIR", &out)
            .env("PATH", self.0.path().join("bin"))
            .env("REPAIRSHOP_PLAYGROUND", switch)
            .current_dir(API)
            .output();
        let output = output.expect("it runs");
        let told = String::from_utf8(output.stdout).expect("text");
        assert!(output.status.success(), "a build must not fail: {told}");
        let code = fs::read_to_string(out.join("playground.rs")).expect("code");
        Built { told, code }
    }
}

#[test]
fn without_node_all_is_built_but_the_page() {
    let machine = Machine::new();
    let built = machine.build("debug", "");
    assert!(!built.has_files());
    let warning = built.warning().expect("a warning");
    assert!(warning.contains("Node.js"), "{warning}");
    // Installed, it is found without being told.
    assert!(built.told.contains("rerun-if-env-changed=PATH"));
    let programs = machine.0.path().join("bin");
    let watched = format!("rerun-if-changed={}", programs.display());
    assert!(built.told.contains(&watched), "{}", built.told);
    machine.program("node", "echo v22.12.0").npm();
    assert!(machine.build("debug", "").has_files());
}

#[test]
fn a_node_that_is_too_old_counts_as_none() {
    for (version, enough) in [
        ("v18.20.4", false),
        ("v20.18.3", false),
        ("v20.19.0", true),
        ("v21.7.3", false),
        ("v22.11.0", false),
        ("v22.12.0", true),
        ("v24.0.0", true),
        ("?", false),
    ] {
        let machine = Machine::new();
        machine.program("node", &format!("echo {version}")).npm();
        let built = machine.build("debug", "");
        assert_eq!(built.has_files(), enough, "{version}");
        assert_eq!(built.warning().is_none(), enough, "{version}");
    }
}

#[test]
fn an_npm_that_fails_says_why_and_stops_nothing() {
    let machine = Machine::new();
    machine.program("node", "echo v22.12.0");
    machine.program(
        "npm",
        "[ \"$1\" = --version ] || { echo no network >&2; exit 1; }",
    );
    let built = machine.build("debug", "");
    assert!(!built.has_files());
    assert!(built.told.contains("cargo::warning=npm: no network"));
    let warning = built.warning().expect("a warning");
    assert!(warning.contains("`npm ci` failed"), "{warning}");
    // Nothing half-made is left for the next build.
    machine.npm();
    assert!(machine.build("debug", "").has_files());
}

#[test]
fn a_bundle_is_built_once_for_all_profiles() {
    let machine = Machine::new();
    machine.program("node", "echo v22.12.0").npm();
    // At the same time, as an editor's Cargo and one's own do it.
    let (debug, release) = thread::scope(|scope| {
        let release = scope.spawn(|| machine.build("release", ""));
        (machine.build("debug", ""), release.join())
    });
    assert!(debug.has_files() && debug.warning().is_none());
    assert_eq!(debug.code, release.expect("no panic").code);
    let log = fs::read_to_string(machine.log()).expect("a log");
    assert_eq!(log, "--version\nci\nrun\n");
}

#[test]
fn it_can_be_switched_off() {
    let machine = Machine::new();
    machine.program("node", "echo v22.12.0").npm();
    let built = machine.build("debug", "off");
    assert!(!built.has_files());
    assert!(!built.told.contains("warning"), "{}", built.told);
    assert!(!machine.log().exists());
}

#[test]
fn the_lock_file_names_no_registry() {
    let lock = fs::read_to_string(Path::new(API).join("playground/package-lock.json"));
    assert!(!lock.expect("a lock file").contains("\"resolved\""));
}
