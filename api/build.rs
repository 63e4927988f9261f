//! Builds the playground's bundle from `playground/`, once for all profiles, and hands it to
//! `src/playground.rs`. Knows npm and Cargo, nothing of HTTP.
//!
//! A build never fails for want of it: without Node.js, or with `REPAIRSHOP_PLAYGROUND=off`, the
//! program has a page that says so instead.

use std::{
    collections::{BTreeMap, hash_map::DefaultHasher},
    env,
    error::Error,
    fmt::Write as _,
    fs::{self, File},
    hash::{Hash, Hasher},
    io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::SystemTime,
};

const SWITCH: &str = "REPAIRSHOP_PLAYGROUND";
/// Where the sources are, beside this file.
const SOURCES: &str = "playground";
/// The file of the bundle that is always there.
const PAGE: &str = "index.html";
/// Those that the bundle is made of; `node_modules` may be there too, and is not asked.
const PARTS: [&str; 5] = [
    "index.html",
    "package-lock.json",
    "package.json",
    "src",
    "vite.config.js",
];

/// Without the scripts of packages, which the bundle does not need.
const INSTALL: &str = "ci --include=dev --ignore-scripts --no-audit --no-fund --loglevel=error --fetch-retries=1 \
    --fetch-retry-mintimeout=1000";
const BUILD: &str = "run build -- --outDir bundle";

type Files = BTreeMap<PathBuf, Vec<u8>>;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-env-changed={SWITCH}");
    for part in PARTS {
        println!("cargo::rerun-if-changed={SOURCES}/{part}");
    }
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("Cargo sets OUT_DIR")?);
    let off = env::var(SWITCH).is_ok_and(|it| ["off", "0", "false", "no"].contains(&it.as_str()));
    let code = if off {
        none()
    } else {
        let code = bundle(&place(&out)).and_then(|bundle| embedded(&bundle));
        code.unwrap_or_else(|why| {
            println!("cargo::warning=the playground is left out, all else works: {why}");
            none()
        })
    };
    fs::write(out.join("playground.rs"), code)?;
    Ok(())
}

/// The directory for bundles in the target directory, that all profiles share.
fn place(out: &Path) -> PathBuf {
    let mut up = out.ancestors().skip_while(|path| !path.ends_with("build"));
    // target/<profile>/build/…/out
    up.nth(2).unwrap_or(out).join("playground")
}

/// The directory of the bundle that these sources make, built where it is not there yet.
fn bundle(place: &Path) -> Result<PathBuf, Box<dyn Error>> {
    let sources = sources()?;
    let mut hasher = DefaultHasher::new();
    sources.hash(&mut hasher);
    let bundle = place.join(format!("{:016x}", hasher.finish()));
    fs::create_dir_all(place)?;
    // Cargo runs this for several profiles, and an editor's Cargo runs it too.
    let lock = File::create(place.join("lock"))?;
    lock.lock()?;
    if !bundle.exists() {
        node().inspect_err(|_| watch_for_node())?;
        // Outside of the sources, which stay as they are.
        let work = place.join("work");
        if work.exists() {
            fs::remove_dir_all(&work)?;
        }
        for (path, bytes) in &sources {
            let path = work.join(path);
            fs::create_dir_all(path.parent().unwrap_or(&work))?;
            fs::write(path, bytes)?;
        }
        npm(&work, INSTALL).and_then(|()| npm(&work, BUILD))?;
        // Older than this run, or Cargo would take it for a change since, and build once more.
        File::open(work.join("bundle").join(PAGE))?.set_modified(SystemTime::UNIX_EPOCH)?;
        fs::rename(work.join("bundle"), &bundle)?;
        fs::remove_dir_all(&work)?;
    }
    // Where somebody removes it, it is built again.
    println!("cargo::rerun-if-changed={}", bundle.join(PAGE).display());
    Ok(bundle)
}

fn sources() -> io::Result<Files> {
    let mut files = Files::new();
    for part in PARTS {
        read(Path::new(SOURCES), Path::new(part), &mut files)?;
    }
    Ok(files)
}

/// Adds a file, or what is in a directory, by its path in `root`.
fn read(root: &Path, path: &Path, files: &mut Files) -> io::Result<()> {
    let full = root.join(path);
    if full.is_dir() {
        for entry in fs::read_dir(full)? {
            read(root, &path.join(entry?.file_name()), files)?;
        }
    } else {
        files.insert(path.to_owned(), fs::read(full)?);
    }
    Ok(())
}

/// Whether there is a Node.js that Vite runs on: `engines` in `playground/package.json`.
fn node() -> Result<(), String> {
    let wanted = "install Node.js 20.19, 22.12 or newer with npm, and build again";
    let output = Command::new("node").arg("--version").output();
    let output = output.map_err(|_| format!("Node.js is not there; {wanted}"))?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    let mut numbers = text.trim_start_matches('v').split('.').map(str::parse);
    let (Some(Ok::<u32, _>(major)), Some(Ok(minor))) = (numbers.next(), numbers.next()) else {
        return Err(format!("`node --version` does not say which; {wanted}"));
    };
    if !matches!((major, minor), (20, 19..) | (22, 12..) | (23.., _)) {
        return Err(format!("Node.js {text} is too old; {wanted}"));
    }
    let npm = Command::new("npm").arg("--version").output();
    npm.map(|_| ())
        .map_err(|_| format!("npm is not there; {wanted}"))
}

/// Has Cargo ask again as soon as a program was installed or `PATH` leads elsewhere.
fn watch_for_node() {
    println!("cargo::rerun-if-env-changed=PATH");
    let path = env::var_os("PATH").unwrap_or_default();
    for directory in env::split_paths(&path).filter(|it| it.is_absolute() && it.is_dir()) {
        println!("cargo::rerun-if-changed={}", directory.display());
    }
}

fn npm(work: &Path, arguments: &str) -> Result<(), String> {
    let output = Command::new("npm")
        .args(arguments.split_whitespace())
        .current_dir(work)
        .env_remove("NODE_ENV")
        .stdin(Stdio::null())
        .output();
    let output = output.map_err(|error| format!("npm does not run: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    for line in said.lines().filter(|it| !it.trim().is_empty()).take(6) {
        println!("cargo::warning=npm: {line}");
    }
    let task = arguments.split(" -").next().unwrap_or_default();
    Err(format!(
        "`npm {task}` failed; see why in Cargo's warnings, then `touch api/build.rs` and build again"
    ))
}

/// The code of a program without a bundle.
fn none() -> String {
    "const VERSION: &str = \"\";\nstatic FILES: &[File] = &[];\n".to_owned()
}

/// The code that has a bundle's files in it.
fn embedded(bundle: &Path) -> Result<String, Box<dyn Error>> {
    let mut files = Files::new();
    read(bundle, Path::new(""), &mut files)?;
    let version = bundle.file_name().unwrap_or_default().to_string_lossy();
    let mut code = format!("const VERSION: &str = {version:?};\nstatic FILES: &[File] = &[\n");
    for path in files.keys() {
        let name = path.to_str().ok_or("a file name that is no text")?;
        let media_type = match name.rsplit_once('.').map(|(_, ending)| ending) {
            // Beside the file that they are made from.
            Some("br" | "gz") => continue,
            Some("html") => "text/html; charset=utf-8",
            Some("js") => "text/javascript; charset=utf-8",
            Some("css") => "text/css; charset=utf-8",
            Some("svg") => "image/svg+xml",
            Some("ttf") => "font/ttf",
            Some("woff2") => "font/woff2",
            _ => return Err(format!("a file of an unknown type: {name}").into()),
        };
        let include =
            |name: &str| format!("include_bytes!({:?})", bundle.join(name).to_string_lossy());
        let compressed = |ending: &str| {
            let name = format!("{name}.{ending}");
            let found = files.contains_key(Path::new(&name));
            if found {
                format!("Some({})", include(&name))
            } else {
                "None".to_owned()
            }
        };
        writeln!(
            code,
            "File {{ name: {name:?}, media_type: {media_type:?}, identity: {}, brotli: {}, gzip: {} }},",
            include(name),
            compressed("br"),
            compressed("gz"),
        )?;
    }
    code.push_str("];\n");
    Ok(code)
}
