//! What can be asked for about the catalogue.

use super::Service;
use interlock_ids::Name;

#[derive(Clone, Debug)]
pub enum Command {
    /// Creates services or replaces them as a whole; they may depend on one another.
    PutServices {
        services: Vec<Service>,
    },
    RemoveService {
        service: Name,
    },
}
