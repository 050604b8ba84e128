//! The OpenAPI document: made from the handlers, completed by what holds for all of them.

use crate::http;
use interlock_wire::problem::Problem;
use utoipa::{
    OpenApi as _, ToSchema as _,
    openapi::{
        ContentBuilder, Info, OpenApi, PathItem, Ref, ResponseBuilder,
        header::HeaderBuilder,
        path::{Operation, ParameterBuilder, ParameterIn},
        schema::{ObjectBuilder, Type},
        security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme},
        server::ServerBuilder,
    },
};

#[derive(utoipa::OpenApi)]
#[openapi(components(schemas(Problem, interlock_wire::live::LiveEntries)))]
struct Base;

/// The document of the whole API.
pub fn openapi() -> OpenApi {
    let (_, mut api) = http::routes().split_for_parts();
    api.merge(Base::openapi());
    api.info = Info::new("Interlock", env!("CARGO_PKG_VERSION"));
    api.info.description = Some("Release governance: plan, gate, deploy, watch, take back, prove.".into());
    api.info.license = Some(utoipa::openapi::LicenseBuilder::new().name("Apache-2.0").build());
    api.servers = Some(vec![ServerBuilder::new().url("/api/v1").build()]);
    if let Some(components) = &mut api.components {
        components.add_security_scheme(
            "token",
            SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build()),
        );
        components.add_security_scheme(
            "session",
            SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::new(crate::auth::COOKIE))),
        );
    }
    let none: [&str; 0] = [];
    api.security = Some(vec![SecurityRequirement::new("token", none), SecurityRequirement::new("session", none)]);
    for (path, item) in &mut api.paths.paths {
        complete(path, item);
    }
    api
}

fn complete(path: &str, item: &mut PathItem) {
    let noun = path.split('/').nth(1).unwrap_or_default().split('.').next().unwrap_or_default().to_owned();
    let reads = [&mut item.get];
    for operation in reads.into_iter().filter_map(Option::as_mut) {
        finish(operation, path, &noun, false);
    }
    let writes = [&mut item.put, &mut item.post, &mut item.delete];
    for operation in writes.into_iter().filter_map(Option::as_mut) {
        finish(operation, path, &noun, true);
    }
}

fn finish(operation: &mut Operation, path: &str, noun: &str, writes: bool) {
    operation.tags = Some(vec![noun.to_owned()]);
    let name = operation.operation_id.take().unwrap_or_default();
    operation.operation_id = Some(format!("{}_{name}", noun.replace('-', "_")));
    let open = operation.security.as_ref().is_some_and(|it| it.iter().all(|it| *it == SecurityRequirement::default()));
    let mut problems = vec![
        ("400", "The request cannot be read"),
        ("422", "What was sent cannot be"),
        ("503", "Not possible at the moment"),
    ];
    if !open || path == "/session" || path == "/calendar.ics" {
        problems.extend([("401", "Not signed in"), ("403", "Not allowed; every reason")]);
    }
    if path == "/setup" || writes {
        problems.push(("403", "Not allowed; every reason"));
    }
    let names_something = operation.parameters.as_ref().is_some_and(|parameters| !parameters.is_empty());
    if path.contains('{') || writes || names_something {
        problems.push(("404", "There is no such thing"));
    }
    if writes {
        problems.extend([
            ("409", "Something stands in the way; every blocker"),
            ("408", "It arrived too slowly"),
            ("413", "Too much was sent"),
            ("415", "Wrong kind of content"),
        ]);
    }
    if matches!(path, "/session" | "/setup") && writes {
        problems.push(("429", "Tried too often"));
    }
    for (status, meaning) in problems {
        let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(Problem::name()))).build();
        let response = ResponseBuilder::new().description(meaning).content("application/problem+json", content);
        operation.responses.responses.entry(status.into()).or_insert(response.build().into());
    }
    let number = || ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(0));
    for response in operation.responses.responses.values_mut() {
        if let utoipa::openapi::RefOr::T(response) = response {
            let header = HeaderBuilder::new()
                .schema(Some(number()))
                .description(Some("Entries in the ledger when it was answered"));
            response.headers.insert("X-Ledger-Position".into(), header.build().into());
        }
    }
    if writes
        && !path.starts_with("/runners")
        && !path.starts_with("/session/")
        && !path.starts_with("/webhooks/")
        && !matches!(
            path,
            "/session"
                | "/setup"
                | "/may"
                | "/evidence"
                | "/calendar/check"
                | "/lockdowns/preview"
                | "/policies/check"
                | "/blobs"
        )
    {
        let text = ObjectBuilder::new()
            .schema_type(Type::String)
            .min_length(Some(1))
            .max_length(Some(200))
            .pattern(Some("^[!-~]+$"));
        let key = ParameterBuilder::new()
            .name("Idempotency-Key")
            .parameter_in(ParameterIn::Header)
            .description(Some("The same key again returns the first answer instead of doing it twice"))
            .schema(Some(text));
        operation.parameters.get_or_insert_default().push(key.build().into());
    }
}
