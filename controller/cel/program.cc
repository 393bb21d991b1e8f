#include "controller/cel/program.h"

#include <utility>

#include "controller/cel/checker.h"
#include "controller/cel/evaluation.h"
#include "controller/cel/now_flow.h"
#include "controller/cel/parser.h"
#include "controller/cel/reads.h"
#include "controller/cel/source.h"

namespace kr::cel {

struct Program::Impl {
  Source source;
  ExprPtr root;
  Checked checked;
  std::vector<Read> reads;
};

StatusOr<Program> Program::Compile(std::string_view expression, const Scope& scope,
                                   std::optional<Type> expected) {
  auto impl = std::make_shared<Impl>(Impl{Source(std::string(expression)), nullptr, {}, {}});
  KR_ASSIGN_OR_RETURN(impl->root, Parse(impl->source));
  KR_ASSIGN_OR_RETURN(impl->checked, Check(impl->source, scope, *impl->root, expected));
  const auto& variables = impl->checked.variables;
  KR_RETURN_IF_ERROR(CheckNowFlow(impl->source, *impl->root, variables, impl->checked.locals));
  impl->reads = ExtractReads(*impl->root, variables, impl->checked.locals);
  return Program(std::move(impl));
}

const std::string& Program::text() const {
  return impl_->source.text();
}
const Type& Program::type() const {
  return impl_->checked.type;
}
const std::vector<Read>& Program::reads() const {
  return impl_->reads;
}

bool Program::ReadsVariable(std::string_view variable) const {
  for (const std::string& name : impl_->checked.variables) {
    if (name == variable) return true;
  }
  return false;
}

Outcome Program::Evaluate(const Activation& activation, absl::Time now,
                          const Limits& limits) const {
  return Evaluation(impl_->source, activation, impl_->checked.variables, impl_->checked.locals, now,
                    limits)
      .Run(*impl_->root);
}

}  // namespace kr::cel
