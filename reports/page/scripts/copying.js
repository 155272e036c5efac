"use strict";
/* Buttons that copy a text of the page. */
{
  const select = (element) => {
    const range = document.createRange();
    range.selectNodeContents(element);
    const selection = window.getSelection();
    selection.removeAllRanges();
    selection.addRange(range);
  };

  const copy = async (element) => {
    try {
      await navigator.clipboard.writeText(element.textContent);
      return "Copied.";
    } catch {
      select(element);
      // Older than the clipboard's own interface, but allowed where a page from disk is not given that one.
      return document.execCommand("copy") ? "Copied." : "Selected: copy it with Ctrl+C or ⌘C.";
    }
  };

  for (const button of document.querySelectorAll("button[data-copies]")) {
    const status = button.parentElement.querySelector("[role=status]");
    button.addEventListener("click", async () => {
      status.textContent = await copy(document.getElementById(button.dataset.copies));
    });
  }
}
