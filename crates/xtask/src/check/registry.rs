//! Nothing names the host of a package registry: where packages come from is the machine's business, and differs from one to
//! the next.

use super::{Fault, tree::Tree};
use crate::shell;

/// Parts of hosts' names, put together here so that this file names none.
const HOSTS: [&str; 9] = [
    concat!("crates", ".io"),
    concat!("npmjs", ".org"),
    concat!("npmjs", ".com"),
    concat!("yarnpkg", ".com"),
    concat!("pypi", ".org"),
    concat!("pythonhosted", ".org"),
    concat!("docker", ".io"),
    concat!("ghcr", ".io"),
    concat!("proxy.golang", ".org"),
];

/// Files that mention one.
pub fn hosts(tree: &Tree) -> Vec<Fault> {
    let mut found = Vec::new();
    // Cargo writes the name of its index into its lock file itself.
    for path in tree.paths.iter().filter(|path| *path != "Cargo.lock") {
        let Ok(text) = std::fs::read_to_string(shell::root().join(path)) else { continue };
        found.extend(mentions(path, &text));
    }
    found
}

fn mentions(path: &str, text: &str) -> Vec<Fault> {
    let lines = text.lines().enumerate();
    let named = lines
        .filter_map(|(number, line)| HOSTS.iter().find(|host| line.contains(**host)).map(|host| (number + 1, host)));
    named
        .map(|(line, host)| {
            Fault::new(path, line, format!("names `{host}`: leave the registry to the machine's settings"))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registry_is_found_wherever_it_is_named() {
        let line = format!("\"resolved\": \"https://registry.{}/x\"", HOSTS[1]);
        assert_eq!(mentions("web/package-lock.json", &format!("{{\n{line}\n}}")).len(), 1);
        assert_eq!(mentions("README.md", "install it with cargo"), []);
    }
}
