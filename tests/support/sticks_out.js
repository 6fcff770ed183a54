// What is wider than the window, or than what it is in.
(() => {
  const found = [];
  const width = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth > width) found.push(`the page: ${document.documentElement.scrollWidth}`);
  const scrolls = element => {
    for (let at = element.parentElement; at && at !== document.body; at = at.parentElement)
      if (["auto", "scroll", "hidden"].includes(getComputedStyle(at).overflowX)) return true;
    return false;
  };
  for (const element of document.querySelectorAll("body *")) {
    if (element.closest(".gone, defs, symbol, pattern") || !element.checkVisibility()) continue;
    const box = element.getBoundingClientRect();
    if (box.width && (box.right > width + 1.5 || box.left < -1.5) && !scrolls(element))
      found.push(`${element.tagName} ${element.className.baseVal ?? element.className}: ${box.left.toFixed(0)} to ${box.right.toFixed(0)}`);
    // Text that is wider than what it is in lies over its neighbour.
    if (!element.closest("svg") && element.scrollWidth > element.clientWidth + 1 && element.clientWidth
        && getComputedStyle(element).overflowX === "visible" && getComputedStyle(element).display !== "inline")
      found.push(`${element.tagName} ${element.className}: ${element.textContent.slice(0, 40)}`);
  }
  return found;
})()
