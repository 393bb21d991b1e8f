#include "reconcilers/signals/view.h"

#include "reconcilers/signals/past.h"

namespace kr::signals {

const Past& View::past() const {
  static const Past none;
  return none;
}

}  // namespace kr::signals
