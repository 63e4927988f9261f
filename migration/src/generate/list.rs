//! The list of migrations in `migration/src/lib.rs`.

use std::fmt::Write as _;

/// The names that it has.
pub(super) fn names(source: &str) -> impl Iterator<Item = &str> {
    source.lines().filter_map(|line| {
        let name = line.trim_start().strip_prefix("Box::new(")?;
        name.split_once("::").map(|(name, _)| name)
    })
}

/// The list with one more.
pub(super) fn with(source: &str, name: &str) -> Option<String> {
    let lines: Vec<&str> = source.lines().collect();
    let last = |start: &str| {
        lines
            .iter()
            .rposition(|line| line.trim_start().starts_with(start))
    };
    let (module, entry) = (last("mod m2")?, last("Box::new(m2")?);
    let mut all = String::with_capacity(source.len() + 120);
    for (place, line) in lines.iter().enumerate() {
        all.push_str(line);
        all.push('\n');
        if place == module {
            let _ = writeln!(all, "mod {name};");
        }
        if place == entry {
            let _ = writeln!(all, "            Box::new({name}::Migration),");
        }
    }
    Some(all)
}
