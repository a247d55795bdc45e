// The console's searchable selections (Select2) name themselves after their value
// only: they take the name of their label as well, for who hears the page.
"use strict";

// Handlers run in order, and those that make the selections were registered before.
window.django?.jQuery(() => {
  for (const select of document.querySelectorAll("select.admin-autocomplete")) {
    const label = document.querySelector(`label[for="${select.id}"]`);
    const shown = select.nextElementSibling;
    if (!label || !shown) {
      continue;
    }
    label.id ||= `${select.id}-label`;
    for (const part of shown.querySelectorAll("[role=combobox], [role=textbox]")) {
      const own = part.getAttribute("aria-labelledby") || "";
      part.setAttribute("aria-labelledby", `${label.id} ${own}`.trim());
    }
  }
});
