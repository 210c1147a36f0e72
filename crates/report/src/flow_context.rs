use application::Application;
use detect::incident::IncidentLink;

/// What is known of the flow of a record, beside what was metered.
#[derive(Clone, Copy, Debug, Default)]
pub struct FlowContext<'a> {
    /// Its application, as far as it is known.
    pub application: Option<&'a Application>,
    /// The incident that it belongs to, if one was stated before the record was cut and is not over.
    pub incident: Option<IncidentLink>,
}
