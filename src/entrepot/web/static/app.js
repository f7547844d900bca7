// What the pages do better with a script. Everything works without it.
"use strict";
(() => {
  const root = document.documentElement;
  root.classList.add("script");
  const all = (selector, from = document) => [...from.querySelectorAll(selector)];
  const announce = (text) => {
    const place = document.getElementById("announce");
    place.textContent = "";
    requestAnimationFrame(() => { place.textContent = text; });
  };

  // Copying. Plain-HTTP pages have no clipboard API: there the old way still works.
  const copyText = async (text) => {
    if (navigator.clipboard && window.isSecureContext) {
      await navigator.clipboard.writeText(text);
      return;
    }
    const area = document.createElement("textarea");
    area.value = text;
    area.setAttribute("readonly", "");
    area.className = "hidden-text";
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  };
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("button[data-copy]");
    if (!button) return;
    const source = button.dataset.copy ? document.getElementById(button.dataset.copy) : null;
    const text = button.dataset.text || (source ? source.textContent : "");
    try {
      await copyText(text.replace(/\n$/, ""));
    } catch {
      if (source) getSelection().selectAllChildren(source);
      return;
    }
    const use = button.querySelector("use");
    const before = use.getAttribute("href");
    use.setAttribute("href", before.replace(/#.*/, "#icon-check"));
    button.classList.add("done");
    announce(document.getElementById("announce").dataset.copied);
    setTimeout(() => { use.setAttribute("href", before); button.classList.remove("done"); }, 1500);
  });

  // What our cookies are called here: by the scheme and the port.
  const cookie = (what) => document.documentElement.dataset.cookies.replace("*", what);
  const secure = cookie("").startsWith("__Host-") ? ";secure" : "";

  // The tool picker: shows one client's commands, and remembers which.
  const pick = (box, tool) => {
    const has = all("[data-tool]", box).some((each) => each.dataset.tool === tool);
    if (!has) return;
    all(".tools button", box).forEach((each) =>
      each.setAttribute("aria-pressed", String(each.value === tool)));
    all("[data-tool]", box).forEach((each) => { each.hidden = each.dataset.tool !== tool; });
  };
  all(".commands").forEach((box) => {
    const pressed = box.querySelector(".tools [aria-pressed=true]");
    if (pressed) pick(box, pressed.value);
    box.addEventListener("click", (event) => {
      const button = event.target.closest(".tools button");
      if (!button) return;
      event.preventDefault();
      pick(box, button.value);
      document.cookie = `${cookie("tool")}=${encodeURIComponent(button.value)};path=/;max-age=31536000;samesite=lax${secure}`;
    });
  });

  // Filtering what is on the page while typing.
  all("input[data-filter]").forEach((input) => {
    const rows = () => all(input.dataset.filter);
    input.addEventListener("input", () => {
      const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
      rows().forEach((row) => {
        const text = row.textContent.toLowerCase();
        row.hidden = !words.every((word) => text.includes(word));
      });
    });
  });

  // Values: finding a key, and copying the path of the one that is clicked.
  all("input[data-lines]").forEach((input) => {
    const pre = document.getElementById(input.dataset.lines);
    if (!pre) return;
    const lines = all("span[id^=L]", pre);
    const keyOf = (text) => /^(\s*(?:- )?)([\w./-]+|"[^"]+"):/.exec(text);
    const pathOf = (line) => {
      let at = lines.indexOf(line);
      let found = keyOf(line.textContent);
      if (!found) return "";
      const path = [found[2]];
      let depth = found[1].length;
      while (depth > 0 && --at >= 0) {
        found = keyOf(lines[at].textContent);
        if (found && found[1].length < depth) {
          path.unshift(found[2]);
          depth = found[1].length;
        }
      }
      return path.join(".");
    };
    input.addEventListener("input", () => {
      const word = input.value.toLowerCase();
      const hits = lines.filter((line) => {
        const hit = word !== "" && line.textContent.toLowerCase().includes(word);
        line.classList.toggle("hit", hit);
        return hit;
      });
      hits[0]?.scrollIntoView({ block: "center" });
    });
    pre.addEventListener("click", async (event) => {
      const line = event.target.closest("span[id^=L]");
      const path = line && getSelection().isCollapsed ? pathOf(line) : "";
      if (!path) return;
      await copyText(path);
      announce(`${document.getElementById("announce").dataset.copied}: ${path}`);
      input.value = path;
    });
  });

  // Boxes to select many rows, and how many are.
  all("form[data-select]").forEach((form) => {
    // Boxes may stand in a table outside of the form, whose rows have forms of their own.
    const boxes = [...form.elements].filter((each) => each.name === "select");
    const every = [...form.elements].find((each) => each.matches("[data-every]"));
    const count = form.querySelector("[data-count]");
    const bar = form.querySelector(".selected-bar");
    const show = () => {
      const picked = boxes.filter((box) => box.checked).length;
      if (count) count.textContent = String(picked);
      if (bar) bar.hidden = picked === 0;
      all("[data-needs]", form).forEach((button) => { button.disabled = picked === 0; });
      if (every) every.checked = picked > 0 && picked === boxes.length;
    };
    if (every) every.addEventListener("change", () => {
      boxes.forEach((box) => { box.checked = every.checked; });
      show();
    });
    boxes.forEach((box) => box.addEventListener("change", show));
    show();
  });

  // What can be scrolled can be reached and scrolled with keys.
  const reach = () => all(".prose pre, .prose table, .scroll, .tabs").forEach((each) => {
    const overflows = each.scrollWidth > each.clientWidth || each.scrollHeight > each.clientHeight + 1;
    if (overflows) each.tabIndex = 0;
    else each.removeAttribute("tabindex");
  });
  addEventListener("resize", reach);
  reach();

  // Choices that take effect at once.
  all("select[data-submit]").forEach((select) =>
    select.addEventListener("change", () => select.form.requestSubmit()));

  // Keys: none works while typing, and ?keys=off in the help page's switch turns them off.
  const off = () => document.cookie.split("; ").includes(`${cookie("keys")}=off`);
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest("input, textarea, select, [contenteditable]");
    if ((event.ctrlKey || event.metaKey) && event.key === "k") {
      event.preventDefault();
      document.getElementById("find").focus();
      return;
    }
    if (typing || event.ctrlKey || event.metaKey || event.altKey || off()) return;
    const rows = all("[data-row] a.name, .list h3 a");
    const at = rows.indexOf(document.activeElement);
    const actions = {
      "/": () => document.getElementById("find").focus(),
      "?": () => { location.href = "/help"; },
      j: () => rows[Math.min(at + 1, rows.length - 1)]?.focus(),
      k: () => rows[Math.max(at - 1, 0)]?.focus(),
      y: () => document.querySelector("[data-canonical] button[data-copy]")?.click(),
    };
    const action = actions[event.key];
    if (action) {
      event.preventDefault();
      action();
    }
  });
  document.addEventListener("click", (event) => {
    all("details.menu[open]").forEach((menu) => {
      if (!menu.contains(event.target)) menu.open = false;
    });
  });
  document.addEventListener("keyup", (event) => {
    if (event.key === "Escape") all("details.menu[open]").forEach((menu) => { menu.open = false; });
  });

  // Suggestions below the search box, while somebody types.
  const find = document.getElementById("find");
  const box = document.getElementById("suggestions");
  if (find && box) {
    let timer;
    let at = -1;
    const options = () => all("[role=option]", box);
    const choose = (number) => {
      const found = options();
      at = found.length ? (number + found.length + 1) % (found.length + 1) : -1;
      if (at === found.length) at = -1;
      found.forEach((option, place) => option.setAttribute("aria-selected", String(place === at)));
      if (at < 0) find.removeAttribute("aria-activedescendant");
      else find.setAttribute("aria-activedescendant", found[at].id);
      found[at]?.scrollIntoView({ block: "nearest" });
    };
    const show = (isOpen) => {
      box.hidden = !isOpen;
      find.setAttribute("aria-expanded", String(isOpen));
      if (!isOpen) choose(-1);
    };
    find.addEventListener("input", () => {
      clearTimeout(timer);
      const text = find.value;
      if (text.trim().length < 2) {
        show(false);
        return;
      }
      timer = setTimeout(async () => {
        const answer = await fetch(`/search/suggest?q=${encodeURIComponent(text)}`).catch(() => null);
        if (!answer?.ok || find.value !== text || document.activeElement !== find) return;
        box.innerHTML = await answer.text();
        at = -1;
        show(options().length > 0);
      }, 150);
    });
    find.addEventListener("keydown", (event) => {
      if (box.hidden) return;
      if (event.key === "ArrowDown" || event.key === "ArrowUp") {
        event.preventDefault();
        choose(event.key === "ArrowDown" ? at + 1 : at < 0 ? options().length - 1 : at - 1);
      } else if (event.key === "Enter" && at >= 0) {
        event.preventDefault();
        location.href = options()[at].href;
      } else if (event.key === "Escape") {
        event.preventDefault();
        show(false);
      }
    });
    document.addEventListener("pointerdown", (event) => {
      if (!find.form.contains(event.target)) show(false);
    });
    find.form.addEventListener("focusout", (event) => {
      if (event.relatedTarget && !find.form.contains(event.relatedTarget)) show(false);
    });
  }

  // Uploads: dropped or chosen files, with progress.
  all("form[data-upload]").forEach((form) => {
    const drop = form.querySelector(".drop");
    const input = form.querySelector("input[type=file]");
    const names = form.querySelector("[data-names]");
    const show = () => {
      names.textContent = [...input.files].map((file) => file.webkitRelativePath || file.name).join("\n");
    };
    input.addEventListener("change", show);
    ["dragover", "dragleave", "drop"].forEach((kind) => drop.addEventListener(kind, (event) => {
      event.preventDefault();
      drop.classList.toggle("over", kind === "dragover");
      if (kind === "drop") {
        input.files = event.dataTransfer.files;
        show();
      }
    }));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const bar = form.querySelector("progress");
      const request = new XMLHttpRequest();
      request.open("POST", form.action);
      request.upload.addEventListener("progress", (step) => {
        bar.hidden = false;
        bar.max = step.total;
        bar.value = step.loaded;
      });
      request.addEventListener("load", () => {
        if (request.status < 400) {
          location.href = request.responseURL;
          return;
        }
        document.open();
        document.write(request.responseText);
        document.close();
      });
      request.send(new FormData(form));
    });
  });

  // A page that shows work under way looks again by itself.
  const waiting = document.querySelector("[data-again]");
  if (waiting) setTimeout(() => location.reload(), Number(waiting.dataset.again) * 1000);
})();
