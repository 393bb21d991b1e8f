#include "reconcilers/policy/scope.h"

#include <map>
#include <string>
#include <utility>

#include "reconcilers/policy/params.h"

namespace kr::policy {
namespace {

using cel::Type;

Type EventFactsType() {
  return Type::Object({{"object", Type::Object({{"apiVersion", Type::String()},
                                                {"kind", Type::String()},
                                                {"namespace", Type::String()},
                                                {"name", Type::String()}})},
                       {"owner", Type::String()},
                       {"node", Type::String()},
                       {"count", Type::Int()},
                       {"last", Type::Timestamp()},
                       {"message", Type::String()}});
}

Type PreviousType() {
  return Type::Object({{"name", Type::String()},
                       {"trigger", Type::String()},
                       {"phase", Type::String()},
                       {"reason", Type::String()},
                       {"remedies", Type::List(Type::String())},
                       {"finishedAt", Type::Timestamp()}});
}

}  // namespace

cel::Scope TargetScope() {
  return {{"object", Type::Dyn()},
          {"target", Type::Object({{"apiVersion", Type::String()},
                                   {"kind", Type::String()},
                                   {"namespace", Type::String()},
                                   {"name", Type::String()},
                                   {"uid", Type::String()}})}};
}

cel::Scope BaseScope(const std::vector<crds::Related>& related,
                     const std::vector<crds::EventSource>& events,
                     const std::vector<crds::Param>& params) {
  std::map<std::string, Type> related_fields, event_fields;
  for (const crds::Related& r : related) related_fields[r.name] = Type::List(Type::Dyn());
  for (const crds::EventSource& e : events) event_fields[e.name] = Type::List(EventFactsType());
  cel::Scope scope = TargetScope();
  scope["params"] = ParamsType(params);
  scope["related"] = Type::Object(std::move(related_fields));
  scope["events"] = Type::Object(std::move(event_fields));
  scope["variables"] = Type::Object({});
  scope["now"] = Type::Timestamp();
  return scope;
}

void DeclareVariable(cel::Scope& scope, const std::string& name, const cel::Type& type) {
  scope["variables"].fields[name] = type;
}

cel::Scope WithRemediation(cel::Scope scope) {
  scope["remediation"] = Type::Object({{"name", Type::String()},
                                       {"trigger", Type::String()},
                                       {"startedAt", Type::Timestamp()},
                                       {"rungFinishedAt", Type::Timestamp()},
                                       {"record", Type::Dyn()},
                                       {"previous", Type::List(PreviousType())}});
  return scope;
}

cel::Scope ItScope(const std::vector<crds::Param>& params) {
  return {{"it", Type::Dyn()}, {"params", ParamsType(params)}};
}

cel::Scope OfScope(const std::vector<crds::Param>& params) {
  return {{"of", Type::Dyn()}, {"params", ParamsType(params)}};
}

}  // namespace kr::policy
