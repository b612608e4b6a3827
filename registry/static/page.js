// Copy buttons: shown only where they work.
for (const button of document.querySelectorAll("button.copy")) {
  const code = button.closest("section").querySelector("code");
  button.hidden = false;
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(code.textContent);
      button.textContent = "Copied";
    } catch {
      const all = document.createRange();
      all.selectNodeContents(code);
      getSelection().removeAllRanges();
      getSelection().addRange(all);
      button.textContent = "Selected: copy it now";
    }
    setTimeout(() => (button.textContent = "Copy"), 2000);
  });
}

// "/" goes to the box, as on other sites with one.
const box = document.querySelector(".box input");
document.addEventListener("keydown", (event) => {
  if (event.key === "/" && !/^(INPUT|TEXTAREA)$/.test(document.activeElement.tagName)) {
    event.preventDefault();
    box.focus();
    box.select();
  }
});
