// What of a page is too pale to be read, or too small. The contrast is that of
// https://www.w3.org/TR/WCAG22/#contrast-minimum.
(() => {
  const found = [];
  const channels = colour => (colour.match(/[\d.]+/g) || []).map(Number);
  const light = ([r, g, b]) => [r, g, b]
    .map(part => part / 255)
    .map(part => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
    .reduce((sum, part, at) => sum + part * [0.2126, 0.7152, 0.0722][at], 0);
  const ground = element => {
    for (let at = element; at; at = at.parentElement) {
      const [r, g, b, alpha = 1] = channels(getComputedStyle(at).backgroundColor);
      if (alpha > 0.99) return [r, g, b];
    }
    return [255, 255, 255];
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const text = walker.currentNode.data.trim(), element = walker.currentNode.parentElement;
    if (!text || element.closest("script, style, title, template, .gone") || !element.checkVisibility()) continue;
    const style = getComputedStyle(element), svg = element.closest("svg");
    let size = parseFloat(style.fontSize);
    const outer = svg && (svg.ownerSVGElement || svg);
    if (outer?.viewBox?.baseVal?.width) size *= outer.getBoundingClientRect().width / outer.viewBox.baseVal.width;
    const [one, other] = [light(channels(svg ? style.fill : style.color)), light(ground(element))].sort((a, b) => b - a);
    const contrast = (one + 0.05) / (other + 0.05);
    const large = size >= 24 || (size >= 18.5 && style.fontWeight >= 600);
    if (contrast < (large ? 3 : 4.5)) found.push(`${contrast.toFixed(1)}: ${text.slice(0, 60)}`);
    if (size < 11) found.push(`${size.toFixed(1)} px: ${text.slice(0, 60)}`);
  }
  return found;
})()
