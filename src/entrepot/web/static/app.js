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

  // Uploads: a queue of files that are sent one by one, so that each can fail and be sent again.
  const bytes = (count) => {
    let unit = 0;
    while (count >= 1024 && unit < 4) { count /= 1024; unit += 1; }
    return `${count.toFixed(unit && count < 100 ? 1 : 0)} ${["B", "KiB", "MiB", "GiB", "TiB"][unit]}`;
  };
  const filesOf = async (entry) => {
    if (entry.isFile) {
      const file = await new Promise((resolve, reject) => { entry.file(resolve, reject); });
      return [[file, entry.fullPath.replace(/^\//, "")]];
    }
    const reader = entry.createReader();
    const found = [];
    for (;;) {
      const some = await new Promise((resolve, reject) => { reader.readEntries(resolve, reject); });
      if (!some.length) return found;
      for (const each of some) found.push(...await filesOf(each));
    }
  };
  all("form[data-upload]").forEach((form) => {
    const part = (name) => form.querySelector(`[data-${name}]`);
    const drop = form.querySelector(".drop");
    const inputs = all("input[type=file]", form);
    const queue = [];
    let request = null;
    let stopped = false;
    let since = 0;
    const say = (name, text) => {
      part(name).textContent = text;
      if (name === "problem") part(name).hidden = !text;
    };
    const total = (began) => {
      const size = queue.reduce((sum, each) => sum + each.file.size, 0);
      const sent = queue.reduce((sum, each) => sum + each.sent, 0);
      const rate = began ? (sent - since) / Math.max(0.5, (Date.now() - began) / 1000) : 0;
      say("total", queue.length ? `${bytes(sent)} / ${bytes(size)}${rate > 0 ? ` · ${bytes(rate)}/s` : ""}` : "");
    };
    const state = (item, text) => { item.row.querySelector(".state").textContent = text; };
    const fail = (item, text) => {
      item.sent = 0;
      item.bar.value = 0;
      state(item, text);
      item.row.querySelector("[data-retry]").hidden = false;
      total();
    };
    const add = (file, title) => {
      const row = part("row").content.firstElementChild.cloneNode(true);
      const item = { file, title, row, sent: 0, said: null, bar: row.querySelector("progress") };
      row.querySelector(".title").textContent = title;
      item.bar.max = Math.max(1, file.size);
      state(item, `${bytes(file.size)}, ${form.dataset.waiting}`);
      row.querySelector("[data-remove]").addEventListener("click", () => {
        queue.splice(queue.indexOf(item), 1);
        if (item.request) item.request.abort();
        row.remove();
        inputs[0].required = !queue.length;
        total();
      });
      row.querySelector("[data-retry]").addEventListener("click", () => form.requestSubmit());
      queue.push(item);
      part("queue").append(row);
      inputs[0].required = false;
      total();
    };
    inputs.forEach((input) => input.addEventListener("change", () => {
      [...input.files].forEach((file) => add(file, file.webkitRelativePath || file.name));
      input.value = "";
    }));
    ["dragover", "dragleave", "drop"].forEach((kind) => drop.addEventListener(kind, async (event) => {
      event.preventDefault();
      drop.classList.toggle("over", kind === "dragover");
      if (kind !== "drop") return;
      // What was dropped is gone after the first pause, so all of it is asked for at once.
      const entries = [...event.dataTransfer.items].map((each) => each.webkitGetAsEntry()).filter(Boolean);
      for (const entry of entries) (await filesOf(entry)).forEach((each) => add(...each));
    }));
    const ask = async (what, fields) => {
      const body = new URLSearchParams([["token", form.dataset.token], ...fields]);
      const answer = await fetch(`${form.dataset.upload}/${what}`, {
        method: "POST", body, headers: { accept: "application/json" },
      });
      const said = await answer.json().catch(() => ({}));
      if (!answer.ok) throw new Error(said.errors?.[0]?.message || `${answer.status} ${answer.statusText}`);
      return said;
    };
    const send = (item, began) => new Promise((resolve) => {
      request = item.request = new XMLHttpRequest();
      request.open("POST", `${form.dataset.upload}/file?token=${encodeURIComponent(form.dataset.token)}`);
      request.setRequestHeader("accept", "application/json");
      request.responseType = "json";
      request.upload.addEventListener("progress", (step) => {
        item.sent = item.bar.value = Math.min(item.file.size, step.loaded);
        state(item, `${bytes(item.sent)} / ${bytes(item.file.size)}`);
        total(began);
      });
      request.addEventListener("load", () => {
        const said = item.request.response || {};
        if (item.request.status === 201) {
          item.said = said;
          item.sent = item.bar.value = item.file.size;
          state(item, `${bytes(item.file.size)}, ${form.dataset.done}`);
        } else fail(item, said.errors?.[0]?.message || String(item.request.status));
      });
      ["error", "timeout"].forEach((kind) => request.addEventListener(kind, () => fail(item, form.dataset.failed)));
      request.addEventListener("abort", () => {
        item.sent = item.bar.value = 0;
        state(item, `${bytes(item.file.size)}, ${form.dataset.waiting}`);
      });
      request.addEventListener("loadend", () => { item.request = null; resolve(); });
      item.row.querySelector("[data-retry]").hidden = true;
      const body = new FormData();
      body.append("files", item.file, item.title);
      request.send(body);
    });
    const run = async () => {
      const fields = [["tag", form.elements.tag.value], ["kind", form.elements.kind.value]];
      const { moves } = await ask("check", fields);
      const isChart = queue.length === 1 && queue[0].title.endsWith(".tgz");
      say("note", moves && !isChart ? form.dataset.moves : "");
      since = queue.reduce((sum, each) => sum + each.sent, 0);
      const began = Date.now();
      for (const item of [...queue]) {
        if (stopped) return;
        if (!item.said && queue.includes(item)) await send(item, began);
      }
      if (stopped || !queue.length) return;
      if (queue.some((each) => !each.said)) throw new Error(form.dataset.left);
      fields.push(["files", JSON.stringify(queue.map((each) => ({ title: each.title, digest: each.said.digest })))]);
      location.href = (await ask("finish", fields)).address;
    };
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      if (!queue.length || request?.readyState === 1) return;
      stopped = false;
      say("problem", "");
      part("send").disabled = true;
      part("stop").hidden = false;
      try {
        await run();
      } catch (error) {
        // The browser's own words for a connection that is lost are for developers.
        say("problem", error instanceof TypeError ? form.dataset.failed : error.message);
      }
      part("send").disabled = false;
      part("stop").hidden = true;
    });
    part("stop").addEventListener("click", () => {
      stopped = true;
      if (request) request.abort();
    });
  });

  // A page that shows work under way looks again by itself.
  const waiting = document.querySelector("[data-again]");
  if (waiting) setTimeout(() => location.reload(), Number(waiting.dataset.again) * 1000);
})();
