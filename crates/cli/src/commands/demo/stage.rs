//! The stage: the world, the server, the organisation applied from its manifests, everybody signed in, artefacts entered.
//! Invariant: setting the stage again on the same directory changes nothing that is there.

use super::server::Server;
use crate::{
    client::{Auth, Client},
    commands::{apply, artifact, serve},
    context::write_private,
    failure::{Done, Failure},
    manifest,
};
use interlock_demo::{
    DemoError, World, WorldConfig,
    organisation::{self, BUILD_ROBOT, Freeze, PERSONAS, Persona},
    sources::{FIRST_VERSION, SERVICES, VERSIONS},
    world::{Description, ENVIRONMENTS},
};
use interlock_wire::{
    artifact::{SignatureSpec, SourceSpec},
    deployment::{FoundInstalled, RecordInstalled},
    environment::Environment,
    length::Length,
    people::{ChangePassword, IssueToken, IssuedToken},
    reason::Receipt,
    session::{ServerInfo, SetUp},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
};

/// Who makes the organisation.
const FIRST: &str = "ana";
const BUILD_TOKEN: &str = "build.token";

pub struct Stage {
    pub data: PathBuf,
    pub listen: SocketAddr,
    pub world: World,
    pub server: Option<Server>,
    people: BTreeMap<&'static str, Client>,
}

/// Errors of the world as ours.
pub fn of_world(error: DemoError) -> Failure {
    Failure::Failed(error.to_string())
}

fn persona(login: &str) -> Done<&'static Persona> {
    PERSONAS
        .iter()
        .find(|it| it.name == login)
        .ok_or_else(|| Failure::Bug(format!("the demo has nobody called {login}")))
}

impl Stage {
    /// Brings everything up below `data`; `say` hears what is done.
    ///
    /// # Errors
    /// A part does not come up, or the server refuses what the demo needs.
    pub async fn set(data: &Path, listen: SocketAddr, say: &mut (dyn FnMut(String) + Send)) -> Done<Self> {
        let config = WorldConfig::of_this_program().map_err(of_world)?;
        let world = World::up(data, &config, say).await.map_err(of_world)?;
        let data = data.canonicalize().map_err(|error| Failure::io("finding", data, &error))?;
        let server = Server::start(&data, listen).await?;
        say(format!("server: {}", server.address));
        let mut stage = Self { data, listen, world, server: Some(server), people: BTreeMap::new() };
        stage.organise(say).await?;
        for it in PERSONAS {
            stage.sign_in(it.name).await?;
        }
        Ok(stage)
    }

    pub fn description(&self) -> &Description {
        self.world.description()
    }

    pub fn address(&self) -> String {
        format!("http://{}", self.listen)
    }

    /// Somebody of the organisation.
    ///
    /// # Errors
    /// There is nobody of that name.
    pub fn of(&self, login: &str) -> Done<&Client> {
        self.people.get(login).ok_or_else(|| Failure::Bug(format!("{login} is not signed in")))
    }

    async fn sign_in(&mut self, login: &'static str) -> Done {
        let password = persona(login)?.password();
        let (client, _) = Client::sign_in(&self.address(), login, &password).await?;
        self.people.insert(login, client);
        Ok(())
    }

    /// The server: stopped in order, or killed, it may be started again.
    ///
    /// # Errors
    /// It does not come up.
    pub async fn start_server(&mut self) -> Done {
        self.server = Some(Server::start(&self.data, self.listen).await?);
        Ok(())
    }

    /// Stops the server in order.
    ///
    /// # Errors
    /// It does not end, or ends badly.
    pub async fn stop_server(&mut self) -> Done {
        match self.server.take() {
            Some(server) => server.stop().await,
            None => Ok(()),
        }
    }

    /// Ends everything.
    ///
    /// # Errors
    /// Something does not end.
    pub async fn strike(&mut self) -> Done {
        let stopped = self.stop_server().await;
        self.world.down().await.map_err(of_world)?;
        stopped
    }

    async fn organise(&mut self, say: &mut (dyn FnMut(String) + Send)) -> Done {
        let nobody = Client::new(&self.address(), Auth::Nobody)?;
        let info: ServerInfo = nobody.get("/version").await?;
        if info.setup_needed {
            self.set_up(nobody).await?;
            say("the one-time link made the first administrator, Ana Ruiz".into());
        } else {
            self.sign_in(FIRST).await?;
        }
        let freeze = Freeze::after(self.description().created).map_err(of_world)?;
        organisation::write(self.description(), freeze).map_err(of_world)?;
        let ana = self.of(FIRST)?.clone();
        let text = manifest::read(&self.data.join("world").join("organisation"))?;
        let applied = apply::send(&ana, text, false).await?;
        say(format!("the organisation, {} manifests, is applied", applied.documents.len()));
        if info.setup_needed {
            for it in PERSONAS.iter().filter(|it| it.name != FIRST) {
                let body = ChangePassword { present: None, password: it.password() };
                ana.post_only(&format!("/accounts/{}/password", it.name), &body).await?;
            }
        }
        let build = self.build_robot(&ana).await?;
        let entered = self.enter_artifacts(&build).await?;
        say(format!("{entered} artefacts are entered, each with its signature and commits"));
        self.record_installed(&ana).await
    }

    async fn set_up(&mut self, nobody: Client) -> Done {
        let ana = persona(FIRST)?;
        let secret = serve::setup_secret(&self.data)
            .ok_or_else(|| Failure::Failed("the server wrote no one-time link".into()))?;
        let body = SetUp {
            secret,
            login: ana.name.into(),
            name: ana.display_name.into(),
            email: Some(ana.email.into()),
            password: ana.password(),
        };
        let (client, _) = nobody.open_session("/setup", &body).await?;
        self.people.insert(FIRST, client);
        Ok(())
    }

    /// The build robot with its token, which is kept for the next start.
    async fn build_robot(&self, ana: &Client) -> Done<Client> {
        let path = self.data.join(BUILD_TOKEN);
        let secret = match fs::read_to_string(&path) {
            Ok(text) => text.trim().to_owned(),
            Err(_) => {
                let scopes = BTreeSet::from(["artifact.register".to_owned()]);
                let body = IssueToken {
                    name: "build".into(),
                    account: Some(BUILD_ROBOT.into()),
                    scopes: Some(scopes),
                    lasts: Length(30 * 86_400),
                };
                let issued: IssuedToken = ana.post("/tokens", &body).await?;
                write_private(&path, &issued.secret)?;
                issued.secret
            }
        };
        Ok(ana.with_auth(Auth::Token(secret)))
    }

    async fn enter_artifacts(&self, build: &Client) -> Done<usize> {
        let world = self.description();
        let mut entered = 0;
        for service in SERVICES {
            let mut since = None;
            for version in VERSIONS {
                let it = world
                    .artefact(service, version)
                    .ok_or_else(|| Failure::Bug(format!("there is no artefact of {service} {version}")))?;
                let bytes = fs::read(&it.file).map_err(|error| Failure::io("reading", &it.file, &error))?;
                let text = fs::read_to_string(&it.signature_file)
                    .map_err(|error| Failure::io("reading", &it.signature_file, &error))?;
                let signature = SignatureSpec { key: "shop-build".into(), text };
                let source = SourceSpec { repository: None, commit: it.commit.clone(), since: since.clone() };
                artifact::register(build, bytes, service, version, Some(signature), Some(source)).await?;
                since = Some(it.commit.clone());
                entered += 1;
            }
        }
        Ok(entered)
    }

    /// What runs where, as found, in environments of which nothing is known yet.
    async fn record_installed(&self, ana: &Client) -> Done {
        let world = self.description();
        for (name, _) in ENVIRONMENTS {
            let known: Environment = ana.get(&format!("/environments/{name}")).await?;
            if known.target_list.iter().any(|it| it.digest.is_some()) {
                continue;
            }
            let targets = world.targets.iter().filter(|it| it.environment == name);
            let found = targets.filter_map(|it| {
                let digest = world.artefact(&it.service, FIRST_VERSION)?.digest.clone();
                Some(FoundInstalled { service: it.service.clone(), target: it.name.clone(), digest })
            });
            let _: Receipt =
                ana.act("environments", name, "installed", &RecordInstalled { found: found.collect() }).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use interlock_wire::manifest::Kind;

    #[test]
    fn the_organisation_is_what_the_api_takes() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../demo/organisation");
        let mut text = manifest::read(&folder).unwrap();
        let target = "    - {name: a-1, address: \"http://127.0.0.1:1\", services: [checkout], params: {pool: p}}";
        for (name, value) in [
            ("targets.staging", target),
            ("targets.production", target),
            ("freeze_start", "2026-11-23T12:00:00Z"),
            ("freeze_end", "2026-11-23T14:00:00Z"),
        ] {
            text = text.replace(&format!("{{{{{name}}}}}"), value);
        }
        let documents = manifest::documents(&text).unwrap();
        let count = |kind: Kind| documents.iter().filter(|it| it.kind() == kind).count();
        assert_eq!(
            (count(Kind::Account), count(Kind::Service), count(Kind::Environment)),
            (PERSONAS.len() + 1, SERVICES.len(), ENVIRONMENTS.len())
        );
        assert_eq!((count(Kind::Calendar), count(Kind::SigningKey), count(Kind::Pipeline)), (2, 1, 1));
        assert!(documents.iter().any(|it| it.kind() == Kind::Account && it.name() == BUILD_ROBOT));
    }
}
