//! Which server a command speaks to, and as whom: flags first, then the environment, then the context file.
//!
//! The file is TOML, `~/.config/interlock/config.toml` (or below `$XDG_CONFIG_HOME`), readable by its owner only:
//! `current = "default"` and, for each context, `[contexts.<name>]` with `server` and `token`. What people write into it
//! besides is kept.

use crate::{
    client::{Auth, Client},
    failure::{Done, Failure},
};
use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
};
use toml_edit::{DocumentMut, Item, Table, value};

pub const DEFAULT_SERVER: &str = "http://127.0.0.1:8080";

/// Flags that every command takes.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Global {
    /// Address of the server [default: that of the context, or http://127.0.0.1:8080]
    #[arg(long, global = true, env = "INTERLOCK_SERVER", value_name = "URL", help_heading = "Everywhere")]
    pub server: Option<String>,
    /// API token
    #[arg(
        long,
        global = true,
        env = "INTERLOCK_TOKEN",
        hide_env_values = true,
        value_name = "TOKEN",
        help_heading = "Everywhere"
    )]
    pub token: Option<String>,
    /// Context of the configuration file [default: the current one]
    #[arg(long, global = true, value_name = "NAME", help_heading = "Everywhere")]
    pub context: Option<String>,
    /// How what was read is shown
    #[arg(long, short, global = true, value_enum, default_value_t, help_heading = "Everywhere")]
    pub output: Output,
    /// Write what proves the entries of a command into a file, with their exact bytes
    #[arg(long, global = true, value_name = "FILE", help_heading = "Everywhere")]
    pub proof: Option<PathBuf>,
}

/// How what was read is shown. JSON is stable: it is what the API answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Output {
    #[default]
    Table,
    Json,
    Yaml,
}

/// One server in the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    pub server: Option<String>,
    pub token: Option<String>,
}

impl Global {
    /// The address that is meant.
    ///
    /// # Errors
    /// The context file cannot be read, or has no such context.
    pub fn address(&self) -> Done<String> {
        let known = self.known()?;
        Ok(self.server.clone().or(known.server).unwrap_or_else(|| DEFAULT_SERVER.into()))
    }

    /// A client for it. The token of the file goes only to the server it was issued by.
    ///
    /// # Errors
    /// As [`Global::address`].
    pub fn client(&self) -> Done<Client> {
        let known = self.known()?;
        let server = self.address()?;
        let same = known.server.as_deref().is_none_or(|it| it.trim_end_matches('/') == server.trim_end_matches('/'));
        let token = self.token.clone().or(known.token.filter(|_| same));
        let client = Client::new(&server, token.map_or(Auth::Nobody, Auth::Token))?;
        Ok(match file() {
            Some(path) => client.with_memory(path.with_file_name("positions")),
            None => client,
        })
    }

    /// The token that would be sent, if there is one.
    pub fn secret(&self) -> Option<String> {
        let known = self.known().ok()?;
        let server = self.address().ok()?;
        let same = known.server.as_deref().is_none_or(|it| it.trim_end_matches('/') == server.trim_end_matches('/'));
        self.token.clone().or(known.token.filter(|_| same))
    }

    fn known(&self) -> Done<Known> {
        let Some(path) = file() else { return Ok(Known::default()) };
        let document = read(&path)?;
        find(&document, self.context.as_deref()).map_err(Failure::Usage)
    }

    /// Writes server and token into the context and makes it the current one; gives the file's path.
    ///
    /// # Errors
    /// There is no home directory, or the file cannot be written.
    pub fn remember(&self, known: &Known) -> Done<PathBuf> {
        let path = file().ok_or_else(|| {
            Failure::Failed(
                "there is no home directory to keep a context in; use INTERLOCK_SERVER and INTERLOCK_TOKEN".into(),
            )
        })?;
        let mut document = read(&path)?;
        put(&mut document, self.context.as_deref().unwrap_or("default"), known);
        write_private(&path, &document.to_string())?;
        Ok(path)
    }
}

/// Where the context file is.
pub fn file() -> Option<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|it| !it.is_empty()).map(PathBuf::from);
    let base = set("XDG_CONFIG_HOME").or_else(|| Some(set("HOME")?.join(".config")))?;
    Some(base.join("interlock").join("config.toml"))
}

fn read(path: &Path) -> Done<DocumentMut> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(Failure::io("reading", path, &error)),
    };
    text.parse().map_err(|error| Failure::Usage(format!("`{}` is not TOML: {error}", path.display())))
}

fn find(document: &DocumentMut, wanted: Option<&str>) -> Result<Known, String> {
    let text = |table: &dyn toml_edit::TableLike, key: &str| table.get(key).and_then(Item::as_str).map(str::to_owned);
    let name =
        wanted.map(str::to_owned).or_else(|| text(document.as_table(), "current")).unwrap_or_else(|| "default".into());
    let table = document
        .get("contexts")
        .and_then(Item::as_table_like)
        .and_then(|all| all.get(&name))
        .and_then(Item::as_table_like);
    match (table, wanted) {
        (Some(table), _) => Ok(Known { server: text(table, "server"), token: text(table, "token") }),
        (None, None) => Ok(Known::default()),
        (None, Some(name)) => {
            Err(format!("the configuration has no context `{name}`; `interlock --context {name} login` makes one"))
        }
    }
}

fn put(document: &mut DocumentMut, name: &str, known: &Known) {
    document["current"] = value(name);
    let contexts = document.entry("contexts").or_insert_with(|| {
        let mut table = Table::new();
        table.set_implicit(true);
        Item::Table(table)
    });
    if contexts.get(name).is_none() {
        contexts[name] = Item::Table(Table::new());
    }
    for (key, text) in [("server", &known.server), ("token", &known.token)] {
        if let Some(text) = text {
            contexts[name][key] = value(text);
        }
    }
}

/// Writes a file that only its owner may read.
///
/// # Errors
/// The directory or the file cannot be written.
pub fn write_private(path: &Path, text: &str) -> Done {
    use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory).map_err(|error| Failure::io("making", directory, &error))?;
    }
    let failed = |error| Failure::io("writing", path, &error);
    let mut file =
        fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path).map_err(failed)?;
    // A file that was there keeps its mode when it is opened.
    file.set_permissions(fs::Permissions::from_mode(0o600)).map_err(failed)?;
    file.write_all(text.as_bytes()).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_context_is_written_found_again_and_leaves_the_rest_alone() {
        let mut document: DocumentMut =
            "# mine\ncurrent = \"old\"\n[contexts.old]\nserver = \"https://old\" # keep\n".parse().unwrap();
        let known = Known { server: Some("https://new".into()), token: Some("t".into()) };
        put(&mut document, "new", &known);
        let again: DocumentMut = document.to_string().parse().unwrap();
        assert_eq!(find(&again, None), Ok(known));
        assert_eq!(find(&again, Some("old")).unwrap().server.as_deref(), Some("https://old"));
        assert!(again.to_string().contains("# mine") && again.to_string().contains("# keep"));
        assert!(find(&again, Some("none")).unwrap_err().contains("--context none login"));
        assert_eq!(find(&DocumentMut::new(), None), Ok(Known::default()));
    }

    #[test]
    fn a_private_file_is_private() {
        use std::os::unix::fs::PermissionsExt;
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a/b");
        write_private(&path, "one").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        write_private(&path, "two").unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_to_string(&path).unwrap(), "two");
    }
}
